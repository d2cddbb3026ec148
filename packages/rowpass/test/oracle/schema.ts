/**
 * What the oracle knows of a schema: its tables for the generator, and who may do what, written a second time.
 */

/** A column as the generator uses it. */
export interface Column {
  readonly name: string
  /** As `pg_type.typname`, such as `int4`, `_text` or the name of an enum. */
  readonly type: string
  /** Values to compare with and to write, as text; of a key none that the second database has in other rows. */
  readonly samples: readonly string[]
  /** Columns that the identities may not read, insert or update; default none. */
  readonly closed?: readonly ('select' | 'insert' | 'update')[]
  /** Of a foreign key; default false. */
  readonly reference?: true
}

export interface Table {
  readonly name: string
  readonly columns: readonly Column[]
  readonly key: readonly string[]
  /** Commands that are granted; `select` is. */
  readonly grants: readonly ('insert' | 'update' | 'delete')[]
  /** A view or the like: not written to. */
  readonly readOnly?: true
  /** The model's definition of a view, over the model's tables. */
  readonly viewSql?: string
  /** What the second database has in rows that are {@link Rules.secret}, by column: SQL over the row, of the same width. */
  readonly disguise: Readonly<Record<string, string>>
  /** The table that it inherits from. */
  readonly parent?: string
}

/** Who asks. */
export interface Identity {
  readonly name: string
  readonly subject: string
  readonly claims: Readonly<Record<string, unknown>>
}

/** A condition on one row, `r` being the name of the row. */
export type Condition = (r: string) => string

/** What an identity may do with a table, by hand and not from the policies; what is missing is allowed for no row. */
export interface Rules {
  readonly select?: Condition
  readonly insert?: Condition
  /** Rows that may be changed, and what they may become. */
  readonly update?: Condition
  readonly updated?: Condition
  readonly delete?: Condition
  /** Rows that no statement of the identity can read or change, whatever it writes before. */
  readonly secret: Condition
  /** Values that the identity may write, by column; most new rows have them. */
  readonly values?: Readonly<Record<string, readonly string[]>>
}

export interface Schema {
  readonly name: string
  /** Types, tables, policies, grants and rows. Runs as the owner with `search_path` app. */
  readonly sql: string
  /** More rows, which no policy lets the owner write. Runs as a superuser. */
  readonly hidden: string
  readonly tables: readonly Table[]
  readonly identities: readonly Identity[]
  rules(identity: Identity): Readonly<Record<string, Rules>>
}

/** Settings of a table for the API roles. */
export function protect(table: string, grants: string): string {
  return `alter table ${table} enable row level security; alter table ${table} force row level security;
    grant ${grants} on ${table} to authenticated;`
}

export const allWrites = ['insert', 'update', 'delete'] as const
export const literal = (text: string): string => `'${text.replaceAll("'", "''")}'`
