/**
 * RLS043: a partition or an inheritance child that can be reached past the policies of its parent.
 */
import { protectedAncestor } from '../analysis/reading.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { granteesOf } from './rls045-open-matview.ts'

export const rls043: Rule = {
  code: 'RLS043',
  slug: 'open-partition',
  level: 'error',
  title: 'A partition or child table can be read past the policies of its parent',
  why:
    'Policies of a parent hold for queries of the parent. A query of the child asks for the child\u2019s own, and there are ' +
    'none. Nobody needs grants on children: a query of the parent asks for the parent\u2019s grants only.',
  *find(model) {
    for (const table of model.catalog.relations.values()) {
      const roles = model.access.exposedTo(table)
      const parent = protectedAncestor(model, table)
      if (table.rls || roles.length === 0 || parent === undefined) continue
      const from = granteesOf(model, table)
      yield {
        object: table.sql,
        says: `${table.sql} is open to ${listed(roles.map(({ sql }) => sql))}, and the policies of ${parent.sql} do not hold there.`,
        evidence: `pg_inherits: ${table.sql} is a child of ${parent.sql}; its relrowsecurity is false`,
        fix:
          from.length === 0
            ? { person: 'The roles of requests own it: give it another owner.' }
            : { sql: [`revoke all on ${table.sql} from ${from.join(', ')}`] },
      }
    }
  },
}
