/**
 * RLS065: requests may read or set a sequence.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls065: Rule = {
  code: 'RLS065',
  slug: 'sequence-open',
  level: 'warning',
  title: 'Requests may read or set a sequence',
  why:
    'SELECT shows how many rows were made, by everybody; UPDATE lets setval turn it back, so that inserts of others fail. ' +
    'USAGE is enough for a serial column, and an identity column needs nothing.',
  *find({ catalog, access }) {
    for (const { sql, grants, owner, extension } of catalog.sequences) {
      if (extension !== undefined) continue
      const found = ['SELECT', 'UPDATE'].flatMap((privilege) => {
        const roles = access.grantees(grants, privilege).filter((name) => name !== catalog.roles.get(owner)?.sql)
        return roles.length === 0 ? [] : [{ privilege, roles }]
      })
      if (found.length === 0) continue
      // UPDATE is enough for nextval: an insert goes on only where USAGE takes its place.
      const users = access.grantees(grants, 'USAGE')
      const setters = found.find(({ privilege }) => privilege === 'UPDATE')?.roles ?? []
      const rest = users.includes('public') ? [] : setters.filter((role) => !users.includes(role))
      yield {
        object: sql,
        says: `${found.map(({ privilege, roles }) => `${privilege} for ${listed(roles)}`).join('; ')} on ${sql}.`,
        evidence: `pg_class.relacl of ${sql}`,
        fix: {
          sql: [
            ...(rest.length === 0 ? [] : [`grant usage on sequence ${sql} to ${rest.join(', ')}`]),
            ...found.map(
              ({ privilege, roles }) => `revoke ${privilege.toLowerCase()} on sequence ${sql} from ${roles.join(', ')}`,
            ),
          ],
          loses: found.map(({ privilege, roles }) => `${listed(roles)}: ${privilege} on ${sql}`),
        },
      }
    }
  },
}
