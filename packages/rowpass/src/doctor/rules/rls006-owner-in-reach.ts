/**
 * RLS006: a role of requests owns a protected table, or can become somebody for whom policies do not hold.
 */
import type { Relation, Role } from '../../access/catalog/catalog.ts'
import { listed } from '../analysis/words.ts'
import type { Found, Rule } from '../finding.ts'

export const rls006: Rule = {
  code: 'RLS006',
  slug: 'owner-in-reach',
  level: 'error',
  title: 'A role of requests owns a protected table, or can become a role past its policies',
  why:
    'The owner of a table can switch its policies off, TRUNCATE and drop it; a member of the owner counts as the owner. ' +
    'SQL that such a request runs can do the same with SET ROLE. Tables belong to a role that serves no requests.',
  *find({ catalog, tables, access }) {
    const guarded = tables.filter(({ rls }) => rls)
    const owners = new Map([...guarded].reverse().map((table) => [table.owner, table]))
    const reported = new Set<string>()
    for (const role of requestRoles([...catalog.roles.values()], access.apiRoles, owners)) {
      const own = owners.get(role.oid)
      if (own !== undefined) {
        yield {
          object: role.sql,
          says: `${role.sql} serves requests and owns ${own.sql}${more(guarded, role)}.`,
          evidence: `pg_class.relowner of ${own.sql} is ${role.sql}`,
          fix: { person: 'Make another role the owner, and grant what requests need: a person must say to whom.' },
        }
      }
      for (const member of [role, ...reachOf(role, catalog.roles)]) {
        for (const oid of member.memberOf) {
          const other = catalog.roles.get(oid)
          const table = owners.get(oid)
          const what = pastPolicies(other, table?.sql)
          if (other === undefined || reported.has(`${member.oid} ${oid}`) || what === undefined) continue
          reported.add(`${member.oid} ${oid}`)
          yield membership(member, other, what, loginsThrough(member, catalog.roles))
        }
      }
    }
  },
}

/** The finding is about the role: which of its tables is named changes with each that comes. */
function more(guarded: readonly Relation[], { oid }: Role): string {
  const others = guarded.filter(({ owner }) => owner === oid).length - 1
  return others === 0 ? '' : ` and ${others} other protected ${others === 1 ? 'table' : 'tables'}`
}

function reachOf(role: Role, roles: ReadonlyMap<number, Role>): Role[] {
  return [...new Set([...role.inherits, ...role.becomes])].flatMap((oid) => roles.get(oid) ?? [])
}

/** Roles of the API, and the logins without powers that become them; an owner that migrates is none. */
function requestRoles(
  roles: readonly Role[],
  apiRoles: readonly Role[],
  owners: ReadonlyMap<number, unknown>,
): readonly Role[] {
  const api = new Set(apiRoles.map(({ oid }) => oid))
  return roles.filter(
    ({ oid, login, superuser, bypassRls, createRole, becomes }) =>
      !superuser &&
      !bypassRls &&
      (api.has(oid) || (login && !createRole && !owners.has(oid) && becomes.some((each) => api.has(each)))),
  )
}

function pastPolicies(role: Role | undefined, owned: string | undefined): string | undefined {
  if (owned !== undefined) return `the owner of ${owned}`
  if (role?.superuser) return 'a superuser'
  return role?.bypassRls ? 'a role with BYPASSRLS' : undefined
}

/** Logins that have the membership of a role as their own, or can take it on; the role itself among them. */
function loginsThrough({ oid }: Role, roles: ReadonlyMap<number, Role>): Role[] {
  return [...roles.values()].filter(
    (each) =>
      each.login && !each.superuser && (each.oid === oid || each.becomes.includes(oid) || each.inherits.includes(oid)),
  )
}

/** A login that may become a role is how services and migrations work: whether one needs it, no catalog says. */
function membership(role: Role, other: Role, what: string, logins: readonly Role[]): Found {
  const revoke = `revoke ${other.sql} from ${role.sql}`
  return {
    object: role.sql,
    part: other.sql,
    says: `${role.sql} is a member of ${other.sql}, ${what}.`,
    evidence: `pg_auth_members: ${role.sql} reaches ${other.sql}`,
    fix:
      logins.length === 0
        ? { sql: [revoke] }
        : {
            person:
              `Does a service or a migration that logs in as ${listed(logins.map(({ sql }) => sql))} work as ${other.sql}? ` +
              `It fails after: ${revoke}. Where it must, give it a login of its own, which no request uses.`,
          },
  }
}
