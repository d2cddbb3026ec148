/**
 * RLS066: grants by column beside one for the whole table.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls066: Rule = {
  code: 'RLS066',
  slug: 'column-grant-in-vain',
  level: 'warning',
  title: 'A grant by column stands beside one for the whole table',
  why:
    'The one for the table gives all columns, so the list of columns narrows nothing. REVOKE of a column does not help ' +
    'either while the grant for the table is there.',
  *find({ tables, access }) {
    for (const table of tables) {
      for (const role of access.apiRoles) {
        const vain = (['SELECT', 'INSERT', 'UPDATE'] as const).filter(
          (privilege) =>
            table.grants.some((grant) => grant.grantee === role.oid && grant.privilege === privilege) &&
            table.columns.some(({ grants }) =>
              grants.some((grant) => grant.grantee === role.oid && grant.privilege === privilege),
            ),
        )
        if (vain.length === 0) continue
        yield {
          object: table.sql,
          part: role.sql,
          says: `${role.sql} has ${listed(vain)} on the whole of ${table.sql}, and by column too.`,
          evidence: `pg_class.relacl and pg_attribute.attacl of ${table.sql}`,
          fix: { person: 'Revoke the one for the table, or the ones for columns: a person knows which was meant.' },
        }
      }
    }
  },
}
