/**
 * RLS046: a foreign table that requests can reach.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { askWhoReads } from './rls045-open-matview.ts'

export const rls046: Rule = {
  code: 'RLS046',
  slug: 'open-foreign-table',
  level: 'error',
  title: 'Requests can reach a foreign table',
  why:
    'It cannot have policies, and the other server sees one user for everybody. Let requests read it through a view or a ' +
    'function that asks who is asking.',
  *find(model) {
    for (const table of model.catalog.relations.values()) {
      const roles = model.access.exposedTo(table)
      if (table.kind !== 'foreign table' || table.extension || roles.length === 0) continue
      yield {
        object: table.sql,
        says: `${table.sql} is open to ${listed(roles.map(({ sql }) => sql))}.`,
        evidence: `pg_class.relkind of ${table.sql} is f`,
        fix: askWhoReads(model, table),
      }
    }
  },
}
