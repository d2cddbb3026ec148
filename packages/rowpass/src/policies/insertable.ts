/**
 * A table as INSERT may fill it: drizzle-orm names every column in an INSERT, also those that it leaves to their default, and
 * PostgreSQL asks for the privilege on each.
 */
import { getTableColumns, getTableName } from 'drizzle-orm'
import { getTableConfig, type PgColumn, type PgTable, type PgTableWithColumns } from 'drizzle-orm/pg-core'
import { grantOf } from './grant.ts'

/** Where drizzle-orm keeps the columns of a table; `getTableColumns` reads it there. */
const columnsOfTable = Symbol.for('drizzle:Columns')

/** A table of which only some columns are there. */
export type Insertable<Of extends PgTable, Key extends keyof Of['_']['columns']> = PgTableWithColumns<{
  name: Of['_']['name']
  schema: Of['_']['schema']
  columns: Pick<Of['_']['columns'], Key>
  dialect: 'pg'
}>

/**
 * Narrows a table to the columns that a caller gives in an INSERT. All others come from the database.
 *
 * It is the same table: its columns can be used in conditions, and `returning(getTableColumns(table))` reads all of them. Keep
 * it out of the modules of the schema, where drizzle-kit would take it for a second one.
 *
 * @param table with `policies` that grant INSERT
 * @param keys of the columns, as the table's declaration names them
 * @returns the table for `db.insert()`
 * @throws TypeError when no role is granted INSERT on all of these columns: PostgreSQL would refuse each statement
 * @example
 * const notes = protectedTable('notes', { id: uuid('id').primaryKey().defaultRandom(), text: text('text') }, (t) =>
 *   policies(t, { all: hasRole('editor') }),
 * )
 * const newNotes = insertable(notes, 'text')
 * // db.insert(newNotes).values({ text: 'hello' }).returning(getTableColumns(notes))
 */
export function insertable<Of extends PgTable, Key extends keyof Of['_']['columns'] & string>(
  table: Of,
  ...keys: readonly [Key, ...Key[]]
): Insertable<Of, Key> {
  const all: Readonly<Record<string, PgColumn>> = getTableColumns(table)
  const chosen = Object.entries(all).filter(([key]) => keys.some((each) => each === key))
  const wanted = chosen.map(([, { name }]) => name)
  const granted = grantsOf(table)
  if (!granted.some((columns) => columns === undefined || wanted.every((name) => columns.includes(name)))) {
    const has = granted.map((columns) => columns?.join(', ')).join('; or ') || 'none'
    throw new TypeError(
      `no role may insert ${wanted.join(', ')} into ${getTableName(table)}: its policies grant ${has} (\`columns.insert\`)`,
    )
  }
  const columns = { value: Object.fromEntries(chosen) }
  // Everything else is read through to the table, also by drizzle-orm's `is`.
  return Object.create(table, { [columnsOfTable]: columns }) as Insertable<Of, Key>
}

/** The columns of each INSERT that is granted; undefined is all of them. */
function grantsOf(table: PgTable): (readonly string[] | undefined)[] {
  return getTableConfig(table)
    .policies.map((policy) => grantOf(policy))
    .filter((grant) => grant?.command === 'insert')
    .map((grant) => grant?.columns)
}
