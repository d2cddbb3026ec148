/**
 * The facts of a database that the rules judge: what `read.ts` has read, with the look-ups that every rule needs.
 * Names that end in `sql` are quoted by the server where they must be, and may stand in SQL as they are.
 */

/** One entry of a privilege list; grantee 0 is PUBLIC. */
export interface Grant {
  readonly grantee: number
  /** As PostgreSQL spells it: `SELECT`, `TRUNCATE`, `EXECUTE` … */
  readonly privilege: string
}

/** A role. */
export interface Role {
  readonly oid: number
  readonly name: string
  readonly sql: string
  readonly login: boolean
  readonly superuser: boolean
  readonly bypassRls: boolean
  readonly createRole: boolean
  readonly replication: boolean
  /** Roles that it is a member of itself, by oid. */
  readonly memberOf: readonly number[]
  /** Roles whose privileges it has without doing anything, by oid. */
  readonly inherits: readonly number[]
  /** Roles that it can become with SET ROLE, by oid. */
  readonly becomes: readonly number[]
}

/** A schema that is not the system's. */
export interface Schema {
  readonly oid: number
  readonly name: string
  readonly sql: string
  readonly owner: number
  readonly grants: readonly Grant[]
}

/** A column. */
export interface Column {
  readonly relation: number
  readonly number: number
  readonly name: string
  readonly sql: string
  /** As `format_type` writes it. */
  readonly type: string
  readonly notNull: boolean
  /** `stored`, `virtual`, or undefined when it is no generated column. */
  readonly generated: 'stored' | 'virtual' | undefined
  readonly identity: 'always' | 'default' | undefined
  readonly hasDefault: boolean
  /** Expression of the default or of the generated column. */
  readonly expression: string | undefined
  readonly grants: readonly Grant[]
}

/** A table, view, materialized view or foreign table. */
export interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** `schema.name`, quoted. */
  readonly sql: string
  readonly kind: 'table' | 'partitioned' | 'view' | 'matview' | 'foreign'
  readonly owner: number
  readonly rls: boolean
  readonly force: boolean
  readonly securityInvoker: boolean
  readonly securityBarrier: boolean
  /** Whether an extension made it. */
  readonly extension: boolean
  /** Rows as last counted by ANALYZE; -1 when never. */
  readonly rows: number
  readonly grants: readonly Grant[]
  readonly columns: readonly Column[]
  /** What it is a partition or an inheritance child of. */
  readonly parents: readonly number[]
  /** Relations that a view reads itself. */
  readonly reads: readonly number[]
  /** Functions that a view calls itself. */
  readonly calls: readonly number[]
  /** Query of a view. */
  readonly definition: string | undefined
}

/** Commands of a policy. */
export type Command = 'select' | 'insert' | 'update' | 'delete'

/** A policy. */
export interface Policy {
  readonly relation: number
  readonly name: string
  readonly sql: string
  readonly command: Command | 'all'
  readonly permissive: boolean
  /** By oid; 0 is PUBLIC. */
  readonly roles: readonly number[]
  readonly using: string | undefined
  readonly check: string | undefined
  /** Functions that are not the system's, and relations, that it depends on. */
  readonly calls: readonly number[]
  readonly reads: readonly number[]
}

/** A function or procedure that is not the system's. */
export interface Routine {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** `schema.name(argument types)`, quoted. */
  readonly sql: string
  /** How `create` names its kind. */
  readonly kind: 'function' | 'procedure' | 'aggregate'
  readonly owner: number
  readonly language: string
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  readonly securityDefiner: boolean
  readonly leakproof: boolean
  readonly extension: boolean
  /** Settings it runs with, `name=value`. */
  readonly settings: readonly string[]
  readonly argumentNames: readonly string[]
  readonly argumentCount: number
  readonly optionalArguments: number
  readonly returns: string
  readonly returnsSet: boolean
  /** Text between the quotes, or of `begin atomic` and `return`. */
  readonly body: string
  /** Whether names in the body were resolved when it was made. */
  readonly resolved: boolean
  /** The whole `create` statement, where it is in SQL or PL/pgSQL. */
  readonly definition: string | undefined
  readonly grants: readonly Grant[]
  readonly calls: readonly number[]
  readonly reads: readonly number[]
}

/** A function of `pg_catalog`. */
export interface SystemFunction {
  readonly name: string
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  readonly leakproof: boolean
}

/** An index. */
export interface Index {
  readonly relation: number
  readonly name: string
  readonly sql: string
  readonly unique: boolean
  readonly primary: boolean
  readonly valid: boolean
  readonly method: string
  /** Attribute numbers of the key; 0 is an expression. */
  readonly key: readonly number[]
  readonly predicate: string | undefined
  readonly definition: string
  /** Whether some operator of each key column's class is leakproof. */
  readonly leakproof: boolean
  /** Whether a class of it is for LIKE and not for the sort order. */
  readonly patternClass: boolean
}

/** A foreign key. */
export interface ForeignKey {
  readonly name: string
  readonly sql: string
  readonly relation: number
  readonly columns: readonly number[]
  readonly target: number
  readonly targetColumns: readonly number[]
  readonly onDelete: ReferentialAction
  readonly onUpdate: ReferentialAction
}

/** What happens to the rows that refer to one that goes. */
export type ReferentialAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'

/** A trigger that somebody has made. */
export interface Trigger {
  readonly relation: number
  readonly name: string
  readonly routine: number
  readonly enabled: boolean
}

/** A publication for logical replication. */
export interface Publication {
  readonly name: string
  readonly sql: string
  readonly allTables: boolean
  readonly relations: readonly number[]
}

/** A sequence. */
export interface Sequence {
  readonly oid: number
  readonly schema: string
  readonly sql: string
  readonly owner: number
  readonly grants: readonly Grant[]
}

/** An entry of ALTER DEFAULT PRIVILEGES. */
export interface DefaultPrivilege {
  readonly owner: number
  /** undefined: in every schema. */
  readonly schema: string | undefined
  readonly objects: 'tables' | 'sequences' | 'functions' | 'types' | 'schemas'
  readonly grants: readonly Grant[]
}

/** A setting that sessions of a role, or of all roles, start with in this database. */
export interface RoleSetting {
  /** 0: all roles. */
  readonly role: number
  /** Whether it holds in this database only. */
  readonly here: boolean
  readonly setting: string
}

/** All facts, of one moment. */
export interface Catalog {
  /** `server_version_num`. */
  readonly version: number
  readonly database: { readonly name: string; readonly sql: string; readonly grants: readonly Grant[] }
  /** The role that read the catalog. */
  readonly reader: number
  readonly roles: ReadonlyMap<number, Role>
  readonly schemas: readonly Schema[]
  readonly relations: ReadonlyMap<number, Relation>
  readonly policies: readonly Policy[]
  readonly routines: ReadonlyMap<number, Routine>
  readonly systemFunctions: readonly SystemFunction[]
  /** Casts that change nothing, as `from>to`, as `format_type` writes them. */
  readonly freeCasts: ReadonlySet<string>
  readonly indexes: readonly Index[]
  readonly foreignKeys: readonly ForeignKey[]
  readonly triggers: readonly Trigger[]
  readonly publications: readonly Publication[]
  readonly sequences: readonly Sequence[]
  readonly defaultPrivileges: readonly DefaultPrivilege[]
  readonly roleSettings: readonly RoleSetting[]
}
