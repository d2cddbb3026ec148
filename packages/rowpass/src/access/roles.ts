/**
 * Which roles requests run as: found out from evidence, once, for every tool.
 */
import { Failure } from '../errors.ts'
import type { Catalog, Policy, Relation, Role } from './catalog/catalog.ts'

/** Roles that requests run as, and how they were told. */
export interface RequestRoles {
  /** All of them, in the order of their names. */
  readonly roles: readonly Role[]
  /** The one of requests with claims; undefined where none was found. */
  readonly signedIn: Role | undefined
  /** The one of requests without claims, where it is another one. */
  readonly anonymous: Role | undefined
  /**
   * `named` by whoever runs the tool; `policies` or `grants` of this database name them; the usual `names`, or what a
   * login without powers becomes (`login`); `owner`, a login that owns forced tables: an application with one role.
   */
  readonly evidence: 'named' | 'policies' | 'grants' | 'login' | 'names' | 'owner' | 'none'
}

/** What platforms call them: Rowpass and Neon, Supabase, PostgREST, PostGraphile. */
const usualNames = new Set(['authenticated', 'anonymous', 'anon', 'web_anon', 'web_user', 'app_user', 'api_user'])
/** Logins and services of platforms, which requests never run as. */
const serviceNames =
  /^(authenticator|service_role|dashboard_user|pgbouncer|(supabase|pgsodium|neon)_\w+|neondb_owner|cloud_admin|rowpass_(owner|gateway|issuer))$/
const anonymousNames = /^(web_)?anon(ymous)?$|_anon(ymous)?$/

/**
 * Finds the roles of requests.
 *
 * What this database says of them comes first: the roles that its policies name, and those that its tables are granted to.
 * Roles belong to the whole cluster, so that one of a usual name may be another database's; names count only where
 * nothing here names any role, and after the roles that a login without powers can become.
 *
 * The owner of a table that a policy names because of FORCE is none, unless that policy asks who is asking and the owner
 * can log in, a login without powers can become the owner, or no other role is named.
 *
 * @param names roles by name, instead of what is found out
 * @throws Failure `input_invalid` where one of the names is no role
 */
export function findRequestRoles(catalog: Catalog, names?: readonly string[]): RequestRoles {
  const [roles, evidence] = names === undefined ? findRoles(catalog) : ([namedRoles(catalog, names), 'named'] as const)
  const uses = new Map(roles.map((role) => [role, usesOf(catalog, role)]))
  const byUse = roles.toSorted((a, b) => (uses.get(b) ?? 0) - (uses.get(a) ?? 0))
  const signedIn = byUse.find(({ name }) => !anonymousNames.test(name)) ?? byUse[0]
  // Where there is nothing for them, nothing here names them: then it is what the same login becomes.
  const besides = powerlessLogins(catalog)
    .filter(({ becomes }) => signedIn && becomes.includes(signedIn.oid))
    .flatMap(({ becomes }) => becomes.flatMap((oid) => catalog.roles.get(oid) ?? []))
  const anonymous = [...byUse, ...besides].find((role) => role !== signedIn && anonymousNames.test(role.name))
  return { roles, signedIn, anonymous, evidence }
}

/** How often policies name a role, and then how many tables are granted to it. */
function usesOf(catalog: Catalog, { oid }: Role): number {
  const policies = catalog.policies.filter(({ roles }) => roles.includes(oid)).length
  const granted = [...catalog.relations.values()].filter(({ grants }) => grants.some(({ grantee }) => grantee === oid))
  return policies + granted.length / (catalog.relations.size + 1)
}

function findRoles(catalog: Catalog): readonly [Role[], RequestRoles['evidence']] {
  const relations = relationsOf(catalog)
  const owners = new Set(relations.map(({ owner }) => owner))
  const ordinary = [...catalog.roles.values()].filter(isOrdinary)
  const powerless = powerlessLogins(catalog)
  const reachable = new Set(powerless.flatMap(({ becomes }) => becomes))
  const inPolicies = new Set(catalog.policies.flatMap(({ roles }) => roles))
  const granted = new Set(
    relations.flatMap(({ grants, columns }) =>
      [...grants, ...columns.flatMap((column) => column.grants)].map(({ grantee }) => grantee),
    ),
  )
  const candidates = ordinary.filter((role) => !isService(role))
  const strangers = candidates.filter(({ oid }) => !owners.has(oid))
  const isNamed = ({ oid }: Role) => inPolicies.has(oid) || granted.has(oid)
  const isAlone = !strangers.some(isNamed)
  // Where a login reaches others that policies name, or a platform does that makes its logins by itself, no request comes to
  // an owner that none reaches: FORCE needs its policy.
  const isReached = strangers.some(
    (role) => isNamed(role) && (role.login || reachable.has(role.oid) || usualNames.has(role.name)),
  )
  const servesRequests = ({ oid, name, login }: Role) =>
    isAlone ||
    usualNames.has(name) ||
    reachable.has(oid) ||
    ((login || !isReached) && catalog.policies.some((each) => asksFor(each, oid)))
  // A role that policies name serves requests even where it owns a table: that is a fault to find.
  const named = candidates.filter((role) =>
    owners.has(role.oid) ? inPolicies.has(role.oid) && servesRequests(role) : isNamed(role),
  )
  if (named.length > 0) return [named, named.some(({ oid }) => inPolicies.has(oid)) ? 'policies' : 'grants']
  const usual = strangers.filter(({ oid, name }) => usualNames.has(name) || reachable.has(oid))
  if (usual.length > 0) return [usual, usual.some(({ oid }) => reachable.has(oid)) ? 'login' : 'names']
  const forced = new Set(relations.filter(({ force }) => force).map(({ owner }) => owner))
  const alone = ordinary.filter(({ oid, login }) => login && forced.has(oid))
  if (alone.length > 0) return [alone, 'owner']
  return powerless.length > 0 ? [powerless.slice(0, 1), 'login'] : [[], 'none']
}

const relationsOf = ({ relations }: Catalog): Relation[] =>
  [...relations.values()].filter(({ extension }) => extension === undefined)

/** Logins that neither own a table here nor make roles, as an owner of another database may. */
function powerlessLogins(catalog: Catalog): Role[] {
  const owners = new Set(relationsOf(catalog).map(({ owner }) => owner))
  return [...catalog.roles.values()].filter(
    (role) => isOrdinary(role) && role.login && !role.createRole && !role.replication && !owners.has(role.oid),
  )
}

/** Whether a role is a login or a service of a platform, by its name: no request comes as one. */
export const isService = ({ name }: Role): boolean => serviceNames.test(name)

/** Superusers, roles past policies and the system's own are nobody whom policies are made for. */
function isOrdinary({ superuser, bypassRls, name }: Role): boolean {
  return !superuser && !bypassRls && !name.startsWith('pg_')
}

/** Whether a policy for a role reads who is asking; one for the owner alone says `true`. */
function asksFor({ roles, using = '', check = '', calls }: Policy, role: number): boolean {
  return roles.includes(role) && (calls.length > 0 || /current_setting|current_user|session_user/.test(using + check))
}

function namedRoles(catalog: Catalog, names: readonly string[]): Role[] {
  const roles = [...catalog.roles.values()]
  return names.map((name) => {
    const role = roles.find((each) => each.name === name)
    if (role === undefined)
      throw new Failure('input_invalid', { detail: `there is no database role ${JSON.stringify(name)}` })
    return role
  })
}
