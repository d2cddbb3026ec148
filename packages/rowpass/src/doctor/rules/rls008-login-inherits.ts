/**
 * RLS008: a login has the rights of a role of requests before it becomes one.
 */
import { bodyOf } from '../../access/bodies.ts'
import type { Relation } from '../../access/catalog/catalog.ts'
import { type Model, reachedBy } from '../analysis/model.ts'
import type { Rule } from '../finding.ts'

export const rls008: Rule = {
  code: 'RLS008',
  slug: 'login-inherits',
  level: 'warning',
  title: 'A login inherits the rights of a role of requests',
  why:
    'What runs before SET ROLE, or after RESET ROLE, then has the rights of all roles that it inherits at once instead of none, ' +
    'and nothing fails where a request forgot to become somebody. Since version 16 INHERIT is an option of each grant; before ' +
    'it belongs to the login. A login that serves requests as itself, without SET ROLE, is a reason to accept it.',
  *find(model) {
    const { catalog, tables, access } = model
    const guarded = tables.filter(({ rls }) => rls)
    const owners = new Set(guarded.map(({ owner }) => owner))
    const api = new Set(access.apiRoles.map(({ oid }) => oid))
    for (const login of catalog.roles.values()) {
      if (!login.login || login.superuser || login.bypassRls || login.createRole) continue
      if (api.has(login.oid) || owners.has(login.oid)) continue
      for (const role of access.apiRoles.filter(({ oid }) => login.inherits.includes(oid))) {
        const exposed = guarded.filter((table) => access.exposedTo(table).includes(role))
        if (exposed.length === 0 || asksForLogin(model, exposed)) continue
        const isDirect = login.memberOf.includes(role.oid)
        const sql =
          catalog.database.version >= 160_000
            ? `grant ${role.sql} to ${login.sql} with inherit false`
            : `alter role ${login.sql} noinherit`
        yield {
          object: login.sql,
          part: role.sql,
          says: `The login ${login.sql} has the rights of ${role.sql} without SET ROLE.`,
          evidence: `pg_auth_members: ${login.sql} inherits ${role.sql}`,
          fix: {
            person: `Where requests say SET ROLE first: ${isDirect ? `"${sql}"` : 'take INHERIT from the grant on the way'}.`,
          },
        }
      }
    }
  },
}

/** Whether policies compare the login's own name and no claim: it is the person then, and inherits on purpose. */
function asksForLogin(model: Model, exposed: readonly Relation[]): boolean {
  const trees = exposed.flatMap((table) =>
    model.policiesOf(table).flatMap(({ usingTree, checkTree }) => [usingTree?.tree, checkTree?.tree]),
  )
  const reached = trees.map((tree) => reachedBy(model, tree))
  return (
    trees.some((tree) => bodyOf([tree]).currentUser) &&
    reached.every(
      ({ settings, routines }) => settings.size === 0 && [...routines].every((each) => model.callers.body(each).known),
    )
  )
}
