/**
 * The prepared statements of one connection, by SQL text, bounded; the least recently used leaves first.
 */
import type { Description } from './result.ts'

/** A named statement on the server. */
export interface PreparedStatement {
  readonly name: string
  /** Known once the server has described it; until then nobody else may use it. */
  description: Description | undefined
}

/** The statements of one connection. */
export interface StatementCache {
  get(sql: string): PreparedStatement | undefined
  /** Adds one; returns the name of a statement to close for it. */
  add(sql: string): { readonly added: PreparedStatement; readonly evicted: string | undefined }
  delete(sql: string): void
  clear(): void
}

/** @param maxStatements how many are kept */
export function createStatementCache(maxStatements: number): StatementCache {
  const statements = new Map<string, PreparedStatement>()
  let count = 0

  function evictOldest(): string | undefined {
    if (statements.size <= maxStatements) return undefined
    for (const [sql, { name, description }] of statements) {
      if (description === undefined) continue
      statements.delete(sql)
      return name
    }
    return undefined
  }

  return {
    get(sql) {
      const found = statements.get(sql)
      if (found === undefined) return undefined
      statements.delete(sql)
      statements.set(sql, found)
      return found
    },
    add(sql) {
      count += 1
      const added: PreparedStatement = { name: `s${count}`, description: undefined }
      statements.set(sql, added)
      return { added, evicted: evictOldest() }
    },
    delete: (sql) => void statements.delete(sql),
    clear: () => statements.clear(),
  }
}
