/**
 * What becomes of each statement of a script that runs in a throw-away database of a server that others may use: nothing
 * that reaches out of the database runs, but for roles that are not there yet.
 */
import { fieldsOf, listOf, typed } from '../access/tree.ts'
import type { TreeNode } from '../statement/parser.ts'

/** `left` is said to whoever reads the result; `passed` changes nothing that anybody would miss. */
export type Treatment =
  | { readonly kind: 'run'; readonly sql?: string }
  | { readonly kind: 'passed' }
  | { readonly kind: 'left'; readonly why: string }

/** What is known when a statement comes. */
export interface Surroundings {
  /** Roles that there are. */
  readonly roles: ReadonlySet<string>
  /** Roles that were made for the scripts, and go with the database. */
  readonly made: ReadonlySet<string>
}

const outside = 'it is about more than one database'
const files = 'it reads or writes files of the server'
const otherServers = 'it connects to another server'

const left: Readonly<Record<string, string>> = {
  AlterSystemStmt: outside,
  CreatedbStmt: outside,
  DropdbStmt: outside,
  AlterDatabaseStmt: outside,
  AlterDatabaseSetStmt: outside,
  AlterDatabaseRefreshCollStmt: outside,
  CreateTableSpaceStmt: outside,
  DropTableSpaceStmt: outside,
  AlterTableSpaceOptionsStmt: outside,
  LoadStmt: files,
  ImportForeignSchemaStmt: otherServers,
  CreateSubscriptionStmt: otherServers,
  AlterSubscriptionStmt: otherServers,
  // They would run with everything that is tried here.
  CreateEventTrigStmt: 'event triggers are not needed here',
  AlterEventTrigStmt: 'event triggers are not needed here',
}

/** Each statement is a transaction of its own. */
const passed = new Set(['TransactionStmt', 'CheckPointStmt', 'ListenStmt', 'NotifyStmt', 'SecLabelStmt'])
const ofCluster = new Set(['OBJECT_ROLE', 'OBJECT_DATABASE', 'OBJECT_TABLESPACE', 'OBJECT_EVENT_TRIGGER'])

/** Decides; a statement that cannot be parsed here, or that is too long for it, runs. */
export function treat(tree: TreeNode | undefined, sql: string, { roles, made }: Surroundings): Treatment {
  const [type, fields] = typed(tree) ?? ['', {}]
  const run: Treatment = { kind: 'run' }
  const why = left[type]
  if (why !== undefined) return { kind: 'left', why }
  if (passed.has(type)) return { kind: 'passed' }
  const notOurs = (names: readonly string[]): Treatment => {
    const other = names.find((name) => !made.has(name))
    return other === undefined ? run : { kind: 'left', why: `the role ${other} is not of this database alone` }
  }
  switch (type) {
    case 'VacuumStmt':
      // ANALYZE gives the statistics by which plans are judged.
      return fields.is_vacuumcmd === true ? { kind: 'passed' } : run
    case 'CopyStmt':
      return fields.is_program === true || fields.filename !== undefined ? { kind: 'left', why: files } : run
    case 'CreateRoleStmt':
      return roles.has(String(fields.role)) ? { kind: 'passed' } : run
    case 'AlterRoleStmt':
    case 'AlterRoleSetStmt':
      return notOurs(roleNames(fields.role))
    case 'GrantRoleStmt':
      return notOurs(roleNames(fields.grantee_roles))
    case 'DropRoleStmt':
    case 'DropOwnedStmt':
    case 'ReassignOwnedStmt':
      return notOurs(roleNames(fields.roles))
    case 'RenameStmt':
      return fields.renameType === 'OBJECT_ROLE' ? notOurs([String(fields.subname)]) : run
    case 'CommentStmt':
      return ofCluster.has(String(fields.objtype)) ? { kind: 'passed' } : run
    case 'GrantStmt':
    case 'AlterOwnerStmt':
      return ofCluster.has(String(fields.objtype ?? fields.objectType)) || fields.objtype === 'OBJECT_PARAMETER_ACL'
        ? { kind: 'left', why: outside }
        : run
    case 'VariableSetStmt':
      // There is no transaction around it that could end it.
      return fields.is_local === true ? { kind: 'run', sql: sql.replace(/^(\s*set\s+)local\b/i, '$1session') } : run
    default:
      return run
  }
}

/** Roles that a statement names and that have to be there before it runs. */
export function rolesNeeded(tree: TreeNode | undefined): string[] {
  // A granted role is written as a privilege.
  const granted = listOf(fieldsOf(tree, 'GrantRoleStmt')?.granted_roles).flatMap((each) => {
    const name = fieldsOf(each, 'AccessPriv')?.priv_name
    return typeof name === 'string' ? [name] : []
  })
  return [...new Set([...specsIn(tree), ...granted])]
}

/** A RoleSpec is told by its fields: most places do not name its type. */
function specsIn(value: unknown): string[] {
  if (typeof value !== 'object' || value === null) return []
  const own = roleNames(value)
  return own.length > 0 ? own : Object.values(value).flatMap(specsIn)
}

/** Names in one RoleSpec, its bare fields, or a list of them; not `current_user`, `public` and the like. */
function roleNames(value: unknown): string[] {
  if (Array.isArray(value)) return value.flatMap(roleNames)
  if (typeof value !== 'object' || value === null) return []
  const spec: TreeNode = fieldsOf(value, 'RoleSpec') ?? (value as TreeNode)
  return spec.roletype === 'ROLESPEC_CSTRING' && typeof spec.rolename === 'string' ? [spec.rolename] : []
}
