/**
 * RLS003: row-level security is on, a grant is there, and no policy lets anybody through.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls003: Rule = {
  code: 'RLS003',
  slug: 'no-policy',
  level: 'warning',
  title: 'A granted table has row-level security and no permissive policy',
  why:
    'Requests read no rows, without any error, and write none. Where that is meant, take the grants away; then the ' +
    'answer is an error that says so. Restrictive policies alone let nobody through.',
  *find({ tables, access, policiesOf }) {
    for (const table of tables) {
      const roles = access.exposedTo(table)
      if (!table.rls || roles.length === 0 || policiesOf(table).some(({ permissive }) => permissive)) continue
      yield {
        object: table.sql,
        says: `${listed(roles.map(({ sql }) => sql))} may use ${table.sql}, where no policy lets a row through.`,
        evidence: `pg_policy has no permissive row for ${table.sql}`,
        fix: { person: 'Write the policies, or revoke the grants: only a person knows which was meant.' },
      }
    }
  },
}
