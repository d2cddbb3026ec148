/**
 * The facts of a database that everything here judges: one reading of the catalogs, of one moment. Names that end in
 * `sql` are quoted by the server where they must be, and may stand in SQL as they are.
 */
import type { ForeignKey, Index } from './constraints.ts'
import type { DatabaseFacts, Publication, Schema } from './database.ts'
import type { Routine, SystemFunction } from './functions.ts'
import type { DefaultPrivilege } from './grants.ts'
import type { Policy } from './policies.ts'
import type { Relation, Sequence } from './relations.ts'
import type { Role, RoleSetting } from './roles.ts'
import type { EventTrigger, Trigger } from './triggers.ts'

export type { Column } from './columns.ts'
export type { ForeignKey, Index, ReferentialAction } from './constraints.ts'
export type { DatabaseFacts, Publication, Schema } from './database.ts'
export type { Routine, SystemFunction } from './functions.ts'
export type { AclItem, DefaultPrivilege } from './grants.ts'
export { type Command, commands, type Policy } from './policies.ts'
export { isTable, type Relation, type RelKind, type Sequence } from './relations.ts'
export type { Role, RoleSetting } from './roles.ts'
export type { EventTrigger, Trigger } from './triggers.ts'

/** All facts. */
export interface Catalog {
  readonly database: DatabaseFacts
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
  readonly eventTriggers: readonly EventTrigger[]
  readonly publications: readonly Publication[]
  readonly sequences: readonly Sequence[]
  readonly defaultPrivileges: readonly DefaultPrivilege[]
  readonly roleSettings: readonly RoleSetting[]
}
