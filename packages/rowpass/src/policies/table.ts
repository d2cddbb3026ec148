/**
 * `pgTable` with row-level security always on, and with columns that keep their types where policies are written.
 */
import type { BuildColumns } from 'drizzle-orm'
import {
  type ExtraConfigColumn,
  type PgColumnBuilderBase,
  type PgTableExtraConfigValue,
  type PgTableWithColumns,
  pgTable,
} from 'drizzle-orm/pg-core'

/** What the callback gets: the columns with their types, and with what `index().on()` takes. */
export type ProtectedColumns<Name extends string, Columns extends Record<string, PgColumnBuilderBase>> = {
  readonly [Key in keyof Columns]: BuildColumns<Name, Columns, 'pg'>[Key] &
    Pick<ExtraConfigColumn, 'asc' | 'desc' | 'nullsFirst' | 'nullsLast' | 'op'>
}

/**
 * Declares a table of the schema `public` under row-level security: without a policy, nobody reads or writes a row.
 *
 * Gives the same table as `pgTable`, and drizzle-kit treats it the same.
 *
 * @example
 * const notes = protectedTable('notes', { id: uuid().primaryKey(), userId: uuid('user_id').notNull() }, (t) => [
 *   ...policies(t, { all: ownedBy(t.userId) }),
 * ])
 */
export function protectedTable<Name extends string, Columns extends Record<string, PgColumnBuilderBase>>(
  name: Name,
  columns: Columns,
  rules: (columns: ProtectedColumns<Name, Columns>) => PgTableExtraConfigValue[],
): Omit<PgTableWithColumns<TableConfigOf<Name, Columns>>, 'enableRLS'> {
  // What pgTable builds for its callback are these columns; its declaration leaves their types out.
  return pgTable(name, columns, (built) => rules(built as unknown as ProtectedColumns<Name, Columns>)).enableRLS()
}

type TableConfigOf<Name extends string, Columns extends Record<string, PgColumnBuilderBase>> = {
  name: Name
  schema: undefined
  columns: BuildColumns<Name, Columns, 'pg'>
  dialect: 'pg'
}
