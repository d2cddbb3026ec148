/**
 * RLS009: the owner of forced tables is who the application logs in as, and no policy is for it.
 */
import type { Role } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { ranScripts } from './rls007-only-owner-logs-in.ts'

export const rls009: Rule = {
  code: 'RLS009',
  slug: 'owner-without-policy',
  level: 'error',
  title: 'An application that logs in as the owner sees no rows: FORCE is set, and no policy is for it',
  why:
    'FORCE makes policies hold for the owner, and where none is for the owner, none lets a row through: it reads nothing, ' +
    'without an error, and may write nothing. No other login can become a role that the policies are for. Let the application ' +
    'have a login of its own that becomes one of them.',
  *find(model) {
    const api = new Set(model.access.apiRoles.map(({ oid }) => oid))
    for (const owner of model.catalog.roles.values()) {
      if (!owner.login || owner.superuser || owner.bypassRls || ranScripts(model.catalog, owner)) continue
      if (!api.has(owner.oid) && someLoginServes(model)) continue
      const blind = model.tables.filter(
        (table) =>
          table.owner === owner.oid &&
          table.rls &&
          table.force &&
          // Where there is no policy at all it is RLS003's.
          model.policiesOf(table).some(({ permissive }) => permissive) &&
          !model.applying(table, owner, 'select').some(({ permissive }) => permissive),
      )
      if (blind.length === 0) continue
      const [first] = blind
      yield {
        object: owner.sql,
        says: `The login ${owner.sql} owns ${listed(blind.map(({ sql }) => sql))}, and sees no row of ${blind.length === 1 ? 'it' : 'them'}.`,
        evidence: `pg_class.relforcerowsecurity of ${first?.sql} is true; no policy of it is for ${owner.sql} or PUBLIC`,
        fix: { person: 'Whether the application gets another login, or the owner a policy, is for a person to say.' },
      }
    }
  },
}

/** Whether somebody can log in for whom policies are made: as a role of requests, or by SET ROLE. */
function someLoginServes({ catalog, access }: Model): boolean {
  const api = new Set(access.apiRoles.map(({ oid }) => oid))
  const reaches = ({ oid, becomes, inherits }: Role): boolean =>
    [oid, ...becomes, ...inherits].some((each) => api.has(each))
  return [...catalog.roles.values()].some((role) => role.login && !role.superuser && reaches(role))
}
