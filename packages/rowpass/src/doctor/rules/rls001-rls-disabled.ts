/**
 * RLS001: a table that requests can reach, without row-level security.
 */
import { protectedAncestor } from '../analysis/reading.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls001: Rule = {
  code: 'RLS001',
  slug: 'rls-disabled',
  level: 'error',
  title: 'A table that requests can reach has no row-level security',
  why:
    'Every request sees every row of it, and changes any row where it has the grant. Enable row-level security and ' +
    'write a policy for each command; a table that everybody may read gets a policy for SELECT with USING (true), ' +
    'which says so.',
  *find(model) {
    const { tables, access, policiesOf } = model
    for (const table of tables) {
      const roles = access.exposedTo(table)
      if (table.rls || roles.length === 0 || policiesOf(table).length > 0) continue
      // Children of a protected table are RLS043's.
      if (protectedAncestor(model, table) !== undefined) continue
      yield {
        object: table.sql,
        says: `${table.sql} is open to ${listed(roles.map(({ sql }) => sql))}, and row-level security is off.`,
        evidence: `pg_class.relrowsecurity of ${table.sql} is false`,
        fix: { person: 'Which rows belong to whom is for a person to say: enabling it alone hides every row.' },
      }
    }
  },
}
