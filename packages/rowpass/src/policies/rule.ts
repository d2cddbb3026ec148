/**
 * A rule: a condition on rows, with the columns it trusts and the indexes that serve it; and how rules are combined.
 */
import { type SQL, sql } from 'drizzle-orm'
import type { PgColumn } from 'drizzle-orm/pg-core'

/** Which rows. Made by the functions of this folder, combined by {@link both} and {@link either}. */
export interface RowRule {
  /** The condition; no bind parameters in it. */
  readonly sql: SQL
  /** Columns that say whose a row is. Nobody may update them, or rows could be moved to somebody else. */
  readonly trusts: readonly PgColumn[]
  /** Indexes by their columns, all of which are needed; none when no index helps. */
  readonly indexes: readonly (readonly PgColumn[])[]
}

/** A condition of your own. */
export interface RuleOptions {
  readonly trusts?: readonly PgColumn[]
  /** Leading columns of the index that serves it. */
  readonly index?: readonly PgColumn[]
}

/**
 * Makes a rule of any condition.
 *
 * Does NOT look into it: put a call into a scalar sub-select, keep the column bare beside it, and read other tables by
 * `= any(array(select …))`.
 *
 * @example
 * const notes = protectedTable('notes', { public: boolean('public').notNull(), userId: uuid('user_id').notNull() }, (t) =>
 *   policies(t, { select: rule(sql`${t.public} or ${t.userId} = ${claimUuid('sub')}`) }),
 * )
 */
export function rule(condition: SQL, { trusts = [], index = [] }: RuleOptions = {}): RowRule {
  // drizzle-kit writes `$1` for a parameter, and a policy has none.
  return { sql: condition.inlineParams(), trusts, indexes: index.length > 0 ? [index] : [] }
}

/**
 * Rows for which every rule holds. The index has the columns of the first rules first.
 *
 * @example
 * const notes = protectedTable('notes', { tenantId: uuid('tenant_id').notNull() }, (t) =>
 *   policies(t, { all: both(inTenant(t.tenantId), hasRole('editor')) }),
 * )
 */
export function both(...rules: readonly [RowRule, RowRule, ...RowRule[]]): RowRule {
  const served = rules.filter(({ indexes }) => indexes.length > 0)
  const simple = served.flatMap(({ indexes: [first, ...more] }) =>
    first !== undefined && more.length === 0 ? first : [],
  )
  return {
    sql: joined(rules, 'and'),
    trusts: rules.flatMap(({ trusts }) => trusts),
    indexes: simple.length > 0 ? [unique(simple)] : (served[0]?.indexes ?? []),
  }
}

/**
 * Rows for which one rule holds at least. Without an index for each of them, none helps.
 *
 * @example
 * const notes = protectedTable('notes', { published: boolean('published').notNull(), userId: uuid('user_id').notNull() }, (t) =>
 *   policies(t, { select: either(isTrue(t.published), ownedBy(t.userId)) }),
 * )
 */
export function either(...rules: readonly [RowRule, RowRule, ...RowRule[]]): RowRule {
  return {
    sql: joined(rules, 'or'),
    trusts: rules.flatMap(({ trusts }) => trusts),
    indexes: rules.every(({ indexes }) => indexes.length > 0) ? rules.flatMap(({ indexes }) => indexes) : [],
  }
}

/** Every row there is. Together with `to: anonymous`, a table for the whole world to read. */
export const everyRow: RowRule = { sql: sql`true`, trusts: [], indexes: [] }

function joined(rules: readonly RowRule[], word: 'and' | 'or'): SQL {
  return sql`(${sql.join(
    rules.map((each) => each.sql),
    sql.raw(` ${word} `),
  )})`
}

function unique<T>(values: readonly T[]): T[] {
  return [...new Set(values)]
}
