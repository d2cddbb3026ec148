/**
 * The one thing that the issuer asks of a driver of PostgreSQL.
 */

/**
 * A database, as whatever driver reaches it. It logs in as `rowpass_issuer`; its tables are made by the platform SQL.
 *
 * @example
 * const db = neon(url) // @neondatabase/serverless: as it is
 * const db = { query: async (text, parameters) => (await pool.query(text, parameters)).rows } // pg
 * const db = { query: (text, parameters) => sql.unsafe(text, parameters) } // postgres
 */
export interface SqlDatabase {
  /**
   * Runs one statement, on any connection: none needs the one before.
   *
   * @param parameters of `$1`, `$2`, …: texts, numbers and nulls
   * @returns the rows by the names of their columns; arrays as arrays, JSON parsed
   */
  query(text: string, parameters: unknown[]): Promise<readonly SqlRow[]>
}

/** One row. */
export type SqlRow = Readonly<Record<string, unknown>>
