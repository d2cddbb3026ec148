/**
 * Who may do what: the roles that requests run as, found out and not configured, and what their grants reach.
 */
import { Failure } from '../errors.ts'
import type { Catalog, Command, Grant, Relation, Role, Routine } from './catalog/catalog.ts'

/** PUBLIC in privilege lists and policies. */
export const everyone = 0

/** Who may do what. */
export interface Access {
  /** Roles that requests run as. */
  readonly apiRoles: readonly Role[]
  /** Names of the roles among a grant's grantees that are of the API, PUBLIC included; as SQL. */
  grantees(grants: readonly Grant[], privilege: string): readonly string[]
  /** Whether the role has the privilege by the list: its own, inherited, or PUBLIC's. */
  has(role: Role, grants: readonly Grant[], privilege: string): boolean
  /** Whether the role may use the schema. */
  usesSchema(role: Role, schema: string): boolean
  /** Privilege on the whole table, or on some column of it; the schema must be usable too. */
  can(role: Role, command: Command, relation: Relation): boolean
  /** Privilege on one column. */
  canColumn(role: Role, command: 'select' | 'insert' | 'update', relation: Relation, column: string): boolean
  canExecute(role: Role, routine: Routine): boolean
  /** API roles with any of SELECT, INSERT, UPDATE, DELETE. */
  exposedTo(relation: Relation): readonly Role[]
  /** Whether policies of the table do not hold for the role. */
  bypasses(role: number, relation: Relation): boolean
  /** Whether the role counts as one of these, itself or by inheritance. */
  isAmong(role: Role, roles: readonly number[]): boolean
  /** Whether a policy for these roles is for one of the API. Always, where nobody named the roles of the API. */
  concerns(roles: readonly number[]): boolean
}

const wellKnown = new Set(['authenticated', 'anonymous', 'anon', 'web_anon', 'web_user', 'app_user'])
const commands: readonly Command[] = ['select', 'insert', 'update', 'delete']

/**
 * Works out access.
 *
 * Roles of the API are those that policies or grants of this database name. Where there is none, the usual names, and
 * what a login without powers can become; and where there is none of these, the logins that own tables with FORCE: such
 * an application has one role only.
 *
 * @param names roles of the API by name, instead of what is found out
 */
export function createAccess(catalog: Catalog, names?: readonly string[]): Access {
  const schemas = new Map(catalog.schemas.map((schema) => [schema.name, schema]))
  const isAmong = (role: Role, roles: readonly number[]): boolean =>
    roles.some((oid) => oid === everyone || oid === role.oid || role.inherits.includes(oid))
  const has = (role: Role, grants: readonly Grant[], privilege: string): boolean =>
    grants.some((each) => each.privilege === privilege && isAmong(role, [each.grantee]))
  const owns = (role: Role, owner: number): boolean => role.oid === owner || role.inherits.includes(owner)
  const usesSchema = (role: Role, name: string): boolean => {
    const schema = schemas.get(name)
    return schema !== undefined && (owns(role, schema.owner) || has(role, schema.grants, 'USAGE'))
  }
  const canTable = (role: Role, privilege: string, relation: Relation): boolean =>
    owns(role, relation.owner) || has(role, relation.grants, privilege)
  const can = (role: Role, command: Command, relation: Relation): boolean => {
    const privilege = command.toUpperCase()
    if (!usesSchema(role, relation.schema)) return false
    if (canTable(role, privilege, relation)) return true
    return command !== 'delete' && relation.columns.some(({ grants }) => has(role, grants, privilege))
  }
  const apiRoles = names === undefined ? findApiRoles(catalog) : namedRoles(catalog, names)
  const exposed = new Map<number, readonly Role[]>()

  return {
    apiRoles,
    has,
    usesSchema,
    can,
    isAmong,
    concerns: (roles) => names === undefined || apiRoles.some((role) => isAmong(role, roles)),
    grantees: (grants, privilege) => {
      const found = grants.filter((each) => each.privilege === privilege).map(({ grantee }) => grantee)
      const roles = apiRoles.filter(({ oid }) => found.includes(oid)).map(({ sql }) => sql)
      // What API roles inherit is granted to others, and taken from those.
      const inherited = found.filter(
        (oid) => oid !== everyone && apiRoles.some((role) => role.oid !== oid && role.inherits.includes(oid)),
      )
      const others = inherited.flatMap((oid) => catalog.roles.get(oid)?.sql ?? [])
      return [...new Set([...(found.includes(everyone) ? ['public'] : []), ...roles, ...others])]
    },
    canColumn: (role, command, relation, column) =>
      usesSchema(role, relation.schema) &&
      (canTable(role, command.toUpperCase(), relation) ||
        relation.columns.some(({ name, grants }) => name === column && has(role, grants, command.toUpperCase()))),
    canExecute: (role, routine) =>
      usesSchema(role, routine.schema) && (owns(role, routine.owner) || has(role, routine.grants, 'EXECUTE')),
    exposedTo: (relation) => {
      const known = exposed.get(relation.oid)
      if (known !== undefined) return known
      const found = apiRoles.filter((role) => commands.some((command) => can(role, command, relation)))
      exposed.set(relation.oid, found)
      return found
    },
    bypasses: (oid, relation) => {
      const role = catalog.roles.get(oid)
      if (role === undefined) return false
      return role.superuser || role.bypassRls || (owns(role, relation.owner) && !relation.force)
    },
  }
}

/** Superusers, roles past policies and the system's own are nobody whom policies are made for. */
function isOrdinary({ superuser, bypassRls, name }: Role): boolean {
  return !superuser && !bypassRls && !name.startsWith('pg_')
}

function findApiRoles(catalog: Catalog): Role[] {
  const owners = new Set([...catalog.relations.values()].map(({ owner }) => owner))
  const roles = [...catalog.roles.values()].filter(isOrdinary)
  const named = new Set([
    ...catalog.policies.flatMap((policy) => policy.roles),
    ...[...catalog.relations.values()].flatMap(({ grants, columns }) =>
      [...grants, ...columns.flatMap((column) => column.grants)].map(({ grantee }) => grantee),
    ),
  ])
  const powerless = roles.filter(({ oid, login, createRole, replication }) => {
    return login && !createRole && !replication && !owners.has(oid)
  })
  const reachable = new Set(powerless.flatMap(({ becomes }) => becomes))
  const theirs = roles.filter(({ oid }) => !owners.has(oid))
  // A role that policies name serves requests even where it owns a table: that is a fault to find.
  const inPolicies = new Set(catalog.policies.flatMap((policy) => policy.roles))
  const found = roles.filter(({ oid }) => inPolicies.has(oid) || (named.has(oid) && !owners.has(oid)))
  if (found.length > 0) return found
  const guessed = theirs.filter(({ oid, name }) => wellKnown.has(name) || reachable.has(oid))
  if (guessed.length > 0) return guessed
  const forced = new Set([...catalog.relations.values()].filter(({ force }) => force).map(({ owner }) => owner))
  const alone = roles.filter(({ oid, login }) => login && forced.has(oid))
  return alone.length > 0 ? alone : powerless.slice(0, 1)
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
