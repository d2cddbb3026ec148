/**
 * The rules that most applications need: the owner's rows, the tenant's, its admin's, those of a membership, public ones.
 */
import { getTableName, type SQL, sql } from 'drizzle-orm'
import type { AnyPgColumn } from 'drizzle-orm/pg-core'
import { type ClaimColumnType, type ColumnOfType, claimFor, nameOf } from './columns.ts'
import { both, type RowRule, rule } from './rule.ts'
import { literal } from './typed-claims.ts'

/** Which claim a rule compares with. */
export interface ClaimOptions {
  /** Name of the top-level claim. */
  readonly claim?: string
}

/**
 * Rows of the caller: the column equals the claim `sub`.
 *
 * @param column uuid, text, varchar, or an integer; the claim is read as that type
 * @example
 * const notes = protectedTable('notes', { userId: uuid('user_id').notNull() }, (t) =>
 *   policies(t, { all: ownedBy(t.userId) }),
 * )
 */
export function ownedBy<C extends AnyPgColumn>(
  column: C & ColumnOfType<C, ClaimColumnType>,
  { claim = 'sub' }: ClaimOptions = {},
): RowRule {
  return equals(column, claim)
}

/**
 * Rows of the caller's tenant: the column equals the claim `tenant_id`.
 *
 * @example
 * const notes = protectedTable('notes', { tenantId: uuid('tenant_id').notNull() }, (t) =>
 *   policies(t, { all: inTenant(t.tenantId) }),
 * )
 */
export function inTenant<C extends AnyPgColumn>(
  column: C & ColumnOfType<C, ClaimColumnType>,
  { claim = 'tenant_id' }: ClaimOptions = {},
): RowRule {
  return equals(column, claim)
}

/**
 * Nothing about the row: the caller's claim `role`, or the one that `claim` names, has this value: `hasRole('pro', { claim: 'plan' })`.
 * It is not the database role.
 *
 * @example
 * const notes = protectedTable('notes', { tenantId: uuid('tenant_id').notNull() }, (t) =>
 *   policies(t, { all: both(inTenant(t.tenantId), hasRole('editor')) }),
 * )
 */
export function hasRole(role: string, { claim = 'role' }: ClaimOptions = {}): RowRule {
  return rule(sql`(select auth.claim_text(${literal(claim)})) = ${literal(role)}`)
}

/**
 * Rows of the caller's tenant, for its admin: {@link inTenant} and {@link hasRole} `admin`.
 *
 * @example
 * const notes = protectedTable('notes', { tenantId: uuid('tenant_id').notNull() }, (t) =>
 *   policies(t, { select: inTenant(t.tenantId), update: tenantAdmin(t.tenantId) }),
 * )
 */
export function tenantAdmin<C extends AnyPgColumn>(column: C & ColumnOfType<C, ClaimColumnType>): RowRule {
  return both(equals(column, 'tenant_id'), hasRole('admin'))
}

/** Who is a member of what. */
export interface Membership<Key extends AnyPgColumn, User extends AnyPgColumn> {
  /** The column of the membership table that the row's column is compared with. */
  readonly key: Key
  /** The column of the membership table that holds the caller's `sub`. Index it first. */
  readonly user: User & ColumnOfType<User, ClaimColumnType>
  /** More about the membership, such as `eq(memberships.role, 'editor')`. */
  readonly where?: SQL | undefined
  readonly claim?: string
}

/**
 * Rows of what the caller is a member of, by a table of memberships.
 *
 * The memberships are read once a statement, into an array, and an index on the column serves the comparison; `in
 * (select …)` is read once as well, but PostgreSQL 15 to 18 do not use an index for it inside of a policy. The caller
 * reads them under the policies and grants of that table: a policy `ownedBy(memberships.userId)` for `select` is enough.
 *
 * @throws TypeError when the rule is for the membership table itself, which would make PostgreSQL recurse for ever
 * @example
 * const members = pgTable('members', { projectId: uuid('project_id').notNull(), userId: uuid('user_id').notNull() })
 * const notes = protectedTable('notes', { projectId: uuid('project_id').notNull() }, (t) =>
 *   policies(t, { all: memberOf(t.projectId, { key: members.projectId, user: members.userId }) }),
 * )
 */
export function memberOf<C extends AnyPgColumn, Key extends AnyPgColumn, User extends AnyPgColumn>(
  column: C & ColumnOfType<C, Key['columnType']>,
  { key, user, where, claim = 'sub' }: Membership<Key, User>,
): RowRule {
  if (key.table !== user.table) throw new TypeError(`${nameOf(key)} and ${nameOf(user)} are of different tables`)
  if (getTableName(key.table) === getTableName(column.table)) {
    throw new TypeError(`a policy of ${getTableName(key.table)} cannot read ${getTableName(key.table)}`)
  }
  const mine = sql`${user} = ${callerAs(user, claim)}`
  const condition = where === undefined ? mine : sql`${mine} and (${where})`
  const keys = sql`select ${key} from ${key.table} where ${condition}`
  return rule(sql`${column} = any(array(${keys}))`, { trusts: [column], index: [column] })
}

/**
 * Rows whose boolean column is true, whoever asks.
 *
 * @example
 * const notes = protectedTable('notes', { published: boolean('published').notNull() }, (t) =>
 *   policies(t, { select: isTrue(t.published) }),
 * )
 */
export function isTrue<C extends AnyPgColumn>(column: C & ColumnOfType<C, 'PgBoolean'>): RowRule {
  if (column.columnType !== 'PgBoolean') throw new TypeError(`${nameOf(column)} is a ${column.columnType}, no boolean`)
  return rule(sql`${column}`, { index: [column] })
}

function equals(column: AnyPgColumn, claim: string): RowRule {
  return rule(sql`${column} = ${callerAs(column, claim)}`, { trusts: [column], index: [column] })
}

/** The subject has names of its own, which people who know other systems know. */
function callerAs(column: AnyPgColumn, claim: string): SQL {
  if (claim === 'sub' && column.columnType === 'PgUUID') return sql`(select auth.uid())`
  return claimFor(column, claim)
}
