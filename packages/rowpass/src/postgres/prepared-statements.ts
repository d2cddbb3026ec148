/**
 * The prepared statements of one connection, by role and SQL text, bounded; the least recently used leaves first.
 */
import type { Description } from './result.ts'

/** A named statement on the server. */
export interface PreparedStatement {
  readonly name: string
  /** Known once the server has described it; until then nobody else may use it. */
  description: Description | undefined
  /** Of the schema, read and settled before the server fixed the types of its parameters; undefined without parameters. */
  readonly version: string | undefined
}

/** The statements of one connection. */
export interface StatementCache {
  /** Whether a statement may be kept. */
  fits(sql: string): boolean
  get(key: string): PreparedStatement | undefined
  /** Adds one that fits; returns the names of statements to close for it. */
  add(
    key: string,
    version: string | undefined,
  ): { readonly added: PreparedStatement; readonly evicted: readonly string[] }
  delete(key: string): void
  clear(): void
}

/**
 * Sum of the texts kept on one connection, in UTF-16 units. The server keeps some 300 bytes for each of them, measured
 * on PostgreSQL 18 in November 2026, so that this is what a caller of many long statements can make it hold.
 */
const maxLength = 256 * 1024
/** A longer text is not kept: a few of them would push out all others. */
const maxTextLength = 16 * 1024

/** @param maxStatements how many are kept; 0 keeps none */
export function createStatementCache(maxStatements: number): StatementCache {
  const statements = new Map<string, PreparedStatement>()
  let length = 0
  let count = 0

  function remove(key: string): void {
    if (statements.delete(key)) length -= key.length
  }

  function* evict(): Generator<string> {
    for (const [key, { name, description }] of statements) {
      if (statements.size <= maxStatements && length <= maxLength) return
      if (description === undefined) continue
      remove(key)
      yield name
    }
  }

  return {
    fits: (sql) => maxStatements > 0 && sql.length <= maxTextLength,
    get(key) {
      const found = statements.get(key)
      if (found === undefined) return undefined
      statements.delete(key)
      statements.set(key, found)
      return found
    },
    add(key, version) {
      count += 1
      const added: PreparedStatement = { name: `s${count}`, description: undefined, version }
      statements.set(key, added)
      length += key.length
      return { added, evicted: [...evict()] }
    },
    delete: remove,
    clear() {
      statements.clear()
      length = 0
    },
  }
}
