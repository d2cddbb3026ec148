/**
 * RLS007: nobody can log in for whom the policies hold.
 */
import type { Catalog, Role } from '../../access/catalog/catalog.ts'
import type { Rule } from '../finding.ts'

export const rls007: Rule = {
  code: 'RLS007',
  slug: 'only-owner-logs-in',
  level: 'error',
  title: 'The only login that can run requests is the owner of the tables',
  why:
    'It becomes the role of the request by SET ROLE, and any SQL that gets into a request becomes the owner again by ' +
    'RESET ROLE. Give the application a login of its own: NOINHERIT, owner of nothing, member of the roles of requests.',
  *find({ catalog, tables, access }) {
    const guarded = tables.filter(({ rls }) => rls)
    const api = new Set(access.apiRoles.map(({ oid }) => oid))
    const able = [...catalog.roles.values()].filter(
      ({ oid, login, becomes, inherits }) =>
        login && (api.has(oid) || [...becomes, ...inherits].some((each) => api.has(each))),
    )
    const owners = able.filter((role) => guarded.some(({ owner }) => owner === role.oid))
    if (owners.length === 0 || owners.length < able.filter(({ superuser }) => !superuser).length) return
    for (const owner of owners) {
      if (api.has(owner.oid) || owner.superuser || ranScripts(catalog, owner)) continue
      yield {
        object: owner.sql,
        says: `${owner.sql} owns protected tables, and no other login can become a role of requests.`,
        evidence: `pg_auth_members: of all logins, only ${owner.sql} reaches ${access.apiRoles.map(({ sql }) => sql).join(', ')}`,
        fix: { person: 'A new login needs a password and an application that uses it.' },
      }
    }
  },
}

/** Whether a role only stands for whoever sets the database up: scripts do not say who that is, and what logs in besides. */
export function ranScripts({ database }: Pick<Catalog, 'database'>, { oid }: Role): boolean {
  return database.scratch && database.reader === oid
}
