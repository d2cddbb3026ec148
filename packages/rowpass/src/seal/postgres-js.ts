/**
 * postgres.js, and whatever is built on it.
 */
import { OptionError } from '../errors.ts'
import { cleaningSql, envelopeOf } from './envelope.ts'
import type { RequestIdentity } from './form.ts'

/** A query of postgres.js: it is handed to a connection, by its handler, when somebody waits for it. */
interface Query extends Promise<unknown> {
  options: { simple?: boolean; prepare?: boolean }
  readonly streaming?: boolean
  readonly cursorRows?: number
  handler: (query: Query) => void
  executed: boolean
  readonly strings: readonly string[]
  resolve: (value: unknown) => void
  reject: (error: unknown) => void
}

interface Sql {
  (...given: unknown[]): unknown
  unsafe(text: string, values?: unknown[], options?: object): Query & { simple(): Query }
}

interface Transaction extends Sql {
  savepoint(...given: unknown[]): Promise<unknown>
}

type InTransaction = (tx: Transaction) => unknown

/** What `postgres()` returns, as far as it is used. */
export interface PostgresJs extends Sql {
  begin(options: string, work: InTransaction): Promise<unknown>
}

/** Whether it is what `postgres()` returns. */
export function isPostgresJs(value: unknown): value is PostgresJs {
  return typeof value === 'function' && 'begin' in value && 'unsafe' in value
}

/** They have no transaction around them, or would have to be cleaned up after. */
const refused: ReadonlySet<PropertyKey> = new Set(['reserve', 'listen', 'notify', 'subscribe', 'file', 'largeObject'])

/** Seals what `postgres()` returned. */
export function sealPostgresJs(sql: PostgresJs, identity: RequestIdentity): PostgresJs {
  const [envelope, parameters] = envelopeOf(identity)

  function begin(options: string, work: InTransaction): Promise<unknown> {
    return sql.begin(options, async (tx) => {
      const result = await resultOf(work(confine(tx, opener(tx))))
      await tx.unsafe(`set constraints all immediate; ${cleaningSql}`).simple()
      return result
    })
  }

  /**
   * Sends what comes first, once, and does not wait for it: where it fails, so does whatever comes after in the transaction.
   */
  function opener(tx: Transaction): () => void {
    let isOpen = false
    return () => {
      if (isOpen) return
      isOpen = true
      for (const query of [tx.unsafe(cleaningSql).simple(), tx.unsafe(envelope, parameters)]) {
        query.executed = true
        query.handler(query)
      }
    }
  }

  /** A single query keeps its form, and waits for the end of its transaction. */
  function alone(query: unknown): unknown {
    if (!isQuery(query)) return query
    query.handler = () => {
      const { resolve, reject } = query
      if (query.cursorRows !== undefined) return reject(new OptionError('a cursor needs a transaction: use begin()'))
      begin('', (tx) => {
        query.handler = tx.unsafe('').handler
        return new Promise((succeed, fail) => {
          Object.assign(query, { resolve: succeed, reject: fail })
          query.handler(query)
        })
      }).then(resolve, reject)
    }
    return query
  }

  return new Proxy(sql, {
    apply: (_, __, given) => alone(sql(...given)),
    get(_, name) {
      if (refused.has(name)) throw new OptionError(`${String(name)}() cannot be sealed: use begin()`)
      if (name === 'unsafe') return (...given: Parameters<Sql['unsafe']>) => alone(sql.unsafe(...given))
      if (name === 'begin') {
        return (...given: [InTransaction] | [string, InTransaction]) =>
          given.length === 1 ? begin('', given[0]) : begin(...given)
      }
      return Reflect.get(sql, name, sql)
    },
  })
}

/** As `begin` of postgres.js has it: an array is of queries. */
function resultOf(work: unknown): unknown {
  return Array.isArray(work) ? Promise.all(work) : work
}

/** A transaction whose queries are {@link confined}, those in its savepoints too. */
function confine(tx: Transaction, open: () => void): Transaction {
  const each = (query: unknown): unknown => (isQuery(query) ? confined(query, open) : query)
  return new Proxy(tx, {
    apply: (_, __, given) => each(tx(...given)),
    get(_, name) {
      if (name === 'unsafe') return (...given: Parameters<Sql['unsafe']>) => each(tx.unsafe(...given))
      if (name !== 'savepoint') return Reflect.get(tx, name, tx)
      return (...given: unknown[]) => {
        // Else what is undone with the savepoint would be the identity too.
        open()
        return tx.savepoint(
          ...given.map((one) => (isWork(one) ? (nested: Transaction) => one(confine(nested, open)) : one)),
        )
      }
    },
  })
}

function isWork(value: unknown): value is InTransaction {
  return typeof value === 'function'
}

/**
 * One statement and no more, whatever its text says: by the extended protocol, in which a text of several is an error. And
 * without a name: what a session has prepared under it may be somebody else's. A COPY has a protocol of its own.
 */
function confined(query: Query, open: () => void): Query {
  const handler = query.handler
  query.handler = (started) => {
    // What sets the isolation level has to come before any other statement.
    if (!/^\s*set\s+transaction\b/i.test(started.strings[0] ?? '')) open()
    if (started.streaming !== true) Object.assign(started.options, { simple: false, prepare: false })
    handler(started)
  }
  return query
}

function isQuery(value: unknown): value is Query {
  return value instanceof Promise && 'handler' in value
}
