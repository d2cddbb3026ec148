/**
 * Who may do what: privileges of any role, by PostgreSQL's rules, and what the grants of the roles of requests reach.
 */
import type { AclItem, Catalog, Column, Command, Relation, Role, Routine, Sequence } from './catalog/catalog.ts'
import { findRequestRoles, type RequestRoles } from './roles.ts'

/** PUBLIC in privilege lists and policies. */
export const everyone = 0

/** Who may do what. */
export interface Access {
  readonly requests: RequestRoles
  /** Roles that requests run as. */
  readonly apiRoles: readonly Role[]
  /** Names of the roles among a grant's grantees that are of the API, PUBLIC included; as SQL. */
  grantees(grants: readonly AclItem[], privilege: string): readonly string[]
  /** Whether the role has the privilege by the list: its own, inherited, or PUBLIC's. */
  has(role: Role, grants: readonly AclItem[], privilege: string): boolean
  /** Whether the role may use the schema. */
  usesSchema(role: Role, schema: string): boolean
  /** Privilege on the whole table; whether the schema can be used is another question. */
  onTable(role: Role, command: Command, relation: Relation): boolean
  /** Privilege on one column, or the whole table; the schema is another question. */
  onColumn(role: Role, command: Exclude<Command, 'delete'>, relation: Relation, column: Column): boolean
  /** Privilege on the whole table, or on some column of it; the schema must be usable too. */
  can(role: Role, command: Command, relation: Relation): boolean
  /** Privilege on one column; the schema must be usable too. */
  canColumn(role: Role, command: Exclude<Command, 'delete'>, relation: Relation, column: string): boolean
  /** EXECUTE; the schema must be usable too. */
  canExecute(role: Role, routine: Routine): boolean
  /** EXECUTE alone: what was resolved before needs no schema. */
  executes(role: Role, routine: Routine): boolean
  /** Whether `nextval` works: USAGE or UPDATE. */
  advances(role: Role, sequence: Sequence): boolean
  /** API roles with any of SELECT, INSERT, UPDATE, DELETE. */
  exposedTo(relation: Relation): readonly Role[]
  /** Whether policies of the table do not hold for the role. */
  bypasses(role: number, relation: Relation): boolean
  /** Why policies of the table do not hold for the role; undefined where they do, if there are any. */
  bypass(role: Role, relation: Relation): 'superuser' | 'bypassrls' | 'owner' | undefined
  /** Whether the role counts as one of these, itself or by inheritance; PUBLIC is everyone. */
  isAmong(role: Role, roles: readonly number[]): boolean
  /** Whether a policy for these roles is for one of the API. Always, where no role of the API was found. */
  concerns(roles: readonly number[]): boolean
}

const commands: readonly Command[] = ['select', 'insert', 'update', 'delete']
/** USAGE on these is PUBLIC's. */
const systemSchemas = new Set(['pg_catalog', 'information_schema'])

/**
 * Works out access from one reading of the catalogs.
 *
 * @param names roles of the API by name, instead of what `findRequestRoles` finds out
 * @throws Failure `input_invalid` where one of the names is no role
 */
export function createAccess(catalog: Catalog, names?: readonly string[]): Access {
  const schemas = new Map(catalog.schemas.map((schema) => [schema.name, schema]))
  const predefined = new Map([...catalog.roles.values()].map(({ name, oid }) => [name, oid]))
  const readers = [predefined.get('pg_read_all_data') ?? -1]
  const writers = [predefined.get('pg_write_all_data') ?? -1]
  const isAmong = (role: Role, roles: readonly number[]): boolean =>
    roles.some((oid) => oid === everyone || oid === role.oid || role.inherits.includes(oid))
  const has = (role: Role, grants: readonly AclItem[], privilege: string): boolean =>
    role.superuser || grants.some((each) => each.privilege === privilege && isAmong(role, [each.grantee]))
  const usesSchema = (role: Role, name: string): boolean => {
    const schema = schemas.get(name)
    if (schema === undefined) return systemSchemas.has(name)
    return has(role, schema.grants, 'USAGE') || isAmong(role, [...readers, ...writers])
  }
  const onTable = (role: Role, command: Command, { grants }: Relation): boolean =>
    has(role, grants, command.toUpperCase()) || isAmong(role, command === 'select' ? readers : writers)
  const onColumn: Access['onColumn'] = (role, command, relation, { grants }) =>
    onTable(role, command, relation) || has(role, grants, command.toUpperCase())
  const can = (role: Role, command: Command, relation: Relation): boolean =>
    usesSchema(role, relation.schema) &&
    (onTable(role, command, relation) ||
      (command !== 'delete' && relation.columns.some(({ grants }) => has(role, grants, command.toUpperCase()))))
  const bypass: Access['bypass'] = (role, { owner, force }) => {
    if (role.superuser) return 'superuser'
    if (role.bypassRls) return 'bypassrls'
    return isAmong(role, [owner]) && !force ? 'owner' : undefined
  }
  const requests = findRequestRoles(catalog, names)
  const apiRoles = requests.roles
  const exposed = new Map<number, readonly Role[]>()

  return {
    requests,
    apiRoles,
    has,
    usesSchema,
    onTable,
    onColumn,
    can,
    isAmong,
    bypass,
    concerns: (roles) => apiRoles.length === 0 || apiRoles.some((role) => isAmong(role, roles)),
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
      relation.columns.some((each) => each.name === column && onColumn(role, command, relation, each)),
    canExecute: (role, routine) => usesSchema(role, routine.schema) && has(role, routine.grants, 'EXECUTE'),
    executes: (role, routine) => has(role, routine.grants, 'EXECUTE'),
    advances: (role, { grants }) => has(role, grants, 'USAGE') || has(role, grants, 'UPDATE') || isAmong(role, writers),
    exposedTo: (relation) => {
      const known = exposed.get(relation.oid)
      if (known !== undefined) return known
      const found = apiRoles.filter((role) => commands.some((command) => can(role, command, relation)))
      exposed.set(relation.oid, found)
      return found
    },
    bypasses: (oid, relation) => {
      const role = catalog.roles.get(oid)
      return role !== undefined && bypass(role, relation) !== undefined
    },
  }
}
