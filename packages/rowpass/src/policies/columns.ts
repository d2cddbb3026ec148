/**
 * Which columns can be compared with a claim, and by which function: one table for the compiler and for the start.
 */
import { getTableName, type SQL } from 'drizzle-orm'
import type { AnyPgColumn, PgColumn } from 'drizzle-orm/pg-core'
import { claimInt, claimText, claimUuid } from './typed-claims.ts'

/** The claim functions by the type that drizzle-orm calls a column. */
const readers = {
  PgUUID: claimUuid,
  PgText: claimText,
  PgVarchar: claimText,
  PgSmallInt: claimInt,
  PgInteger: claimInt,
  PgBigInt53: claimInt,
  PgBigInt64: claimInt,
} as const

/** What drizzle-orm calls the columns that a claim can be compared with. */
export type ClaimColumnType = keyof typeof readers

/**
 * A column of one of these types; anything else does not compile.
 *
 * In the callback of `pgTable` the columns have lost their types, so there the check is made when the module loads; in
 * that of `protectedTable` they have them.
 */
export type ColumnOfType<C extends AnyPgColumn, Type extends string> = string extends C['columnType']
  ? C
  : C['columnType'] extends Type
    ? C
    : `a column of type ${C['columnType']} cannot be used here`

/**
 * A claim as the type of a column.
 *
 * @throws TypeError for a column of a type that no claim has
 */
export function claimFor(column: PgColumn, claim: string): SQL {
  const read = isClaimColumnType(column.columnType) ? readers[column.columnType] : undefined
  if (read === undefined) throw new TypeError(`${nameOf(column)} is a ${column.columnType}, which no claim can be`)
  return read(claim)
}

/** `table.column`, for messages. */
export function nameOf(column: PgColumn): string {
  return `${getTableName(column.table)}.${column.name}`
}

function isClaimColumnType(type: string): type is ClaimColumnType {
  return type in readers
}
