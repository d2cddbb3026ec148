/**
 * Pools and clients of node-postgres, those of Neon's driver over WebSocket among them, and whatever is built on them.
 */
import { OptionError } from '../errors.ts'
import { cleaningSql, envelopeOf } from './envelope.ts'
import type { RequestIdentity } from './form.ts'

/** A statement as node-postgres takes it. */
interface Statement {
  readonly text: string
  readonly values?: unknown[]
  readonly [option: string]: unknown
}

/** A connection, as far as it is used. */
interface Connection {
  query(...statement: unknown[]): Promise<unknown>
}

/** A query as the driver makes one of each statement. */
interface DriverQuery {
  readonly text: string
  name?: string | undefined
  requiresPreparation(): boolean
  callback: (error: unknown, result: unknown) => void
}

/** The class of a connection, with that of its queries. */
interface QueryMaker {
  readonly Query: new (statement: Statement) => DriverQuery
}

interface PooledConnection extends Connection {
  release(failed?: unknown): void
}

/** A pool, as far as it is used. */
export interface PgPool extends Connection {
  connect(): Promise<PooledConnection>
  readonly totalCount: number
}

/** Whether it is a pool. */
export function isPool(value: unknown): value is PgPool {
  return hasMethods(value, ['connect', 'query', 'end']) && 'totalCount' in value
}

/** Whether it is a client that is no pool's. */
export function isClient(value: unknown): value is Connection {
  return hasMethods(value, ['connect', 'query', 'end']) && !('totalCount' in value)
}

function hasMethods(value: unknown, names: readonly string[]): value is object {
  if (typeof value !== 'object' || value === null) return false
  return names.every((name) => typeof (value as Record<string, unknown>)[name] === 'function')
}

/** Seals a pool: whatever its connections run. */
export function sealPool(pool: PgPool, identity: RequestIdentity): PgPool {
  const connect = async (...unexpected: unknown[]): Promise<PooledConnection> => {
    refuseCallback(unexpected)
    const connection = await pool.connect()
    return sealPooled(connection, identity)
  }
  return overlay(pool, {
    connect,
    async query(...statement: unknown[]) {
      const connection = await connect()
      try {
        return await connection.query(...statement)
      } finally {
        connection.release()
      }
    },
  })
}

/** Seals a client that is no pool's. */
export function sealClient(client: Connection, identity: RequestIdentity): Connection {
  const session = createSession(client, identity)
  return overlay(client, { query: session.query })
}

/** It goes back into the pool when its session is clean; one that cannot be cleaned does not. */
function sealPooled(connection: PooledConnection, identity: RequestIdentity): PooledConnection {
  const session = createSession(connection, identity)
  return overlay(connection, {
    query: session.query,
    release(failed?: unknown) {
      if (failed) return connection.release(failed)
      session.finish().then(
        () => connection.release(),
        (error) => connection.release(error),
      )
    },
  })
}

const leadingComments = /^(?:\s+|--[^\n]*|\/\*[\s\S]*?\*\/)*/
const beginning = /^(?:begin|start\s+transaction)\b/i
const setting = /^set\s+transaction\b/i
const ending = /^(?:commit|end|rollback|abort)\b(?!\s+(?:(?:work|transaction)\s+)?to\b)/i

/** Runs statements one after the other, each in a transaction that is sealed: its own, or the one that the caller began. */
function createSession(connection: Connection, identity: RequestIdentity) {
  const [envelope, parameters] = envelopeOf(identity)
  let isOpen = false
  /** Whether the transaction has its identity; what sets its isolation level has to come before. */
  let isSealed = false
  /** Why the session is not clean, where it could not be cleaned. */
  let broken: unknown
  let last: Promise<unknown> = Promise.resolve()

  /** Cleans in a transaction of its own: the isolation level is set before any other statement. */
  async function open(begin: string): Promise<unknown> {
    isSealed = false
    const results = (await connection.query(`begin; ${cleaningSql}; commit; ${begin}`)) as unknown[]
    return results.at(-1)
  }

  async function runSealed(statement: Statement): Promise<unknown> {
    if (!isSealed) await connection.query(envelope, parameters)
    isSealed = true
    return runAlone(connection, statement)
  }

  /** One message, so that behind a pooler it is one server that ends the transaction and is cleaned. */
  async function close(end: string): Promise<unknown> {
    const [ended] = (await connection.query(`${end}; ${cleaningSql}`)) as unknown[]
    return ended
  }

  async function abandon(error: unknown): Promise<never> {
    isOpen = false
    await close('rollback').catch((failure) => {
      broken = failure
    })
    throw error
  }

  async function run(statement: Statement): Promise<unknown> {
    if (broken !== undefined) throw broken
    const text = statement.text.replace(leadingComments, '')
    if (isOpen) {
      if (setting.test(text)) return runAlone(connection, statement)
      if (!ending.test(text)) return runSealed(statement)
      isOpen = false
      return close(alone(statement.text)).catch(abandon)
    }
    if (ending.test(text)) throw new OptionError('there is no transaction to end')
    if (beginning.test(text)) {
      const begun = await open(alone(statement.text)).catch(abandon)
      isOpen = true
      return begun
    }
    try {
      await open('begin')
      const result = await runSealed(statement)
      await close('commit')
      return result
    } catch (error) {
      return abandon(error)
    }
  }

  function inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = last.then(work)
    last = result.catch(() => undefined)
    return result
  }

  return {
    query(...given: unknown[]): Promise<unknown> {
      const [first, values] = given
      refuseCallback(given)
      // A cursor, a stream or a query of the driver, which is read from by its own means.
      if (hasMethods(first, ['submit'])) {
        if (!isOpen) throw new OptionError('a cursor or a stream needs a transaction: begin one first')
        if (first instanceof queryClassOf(connection)) restrict(first)
        // Where it fails, so does what comes after it in the transaction.
        if (!isSealed) connection.query(envelope, parameters).catch(() => undefined)
        isSealed = true
        return connection.query(first)
      }
      const statement = (typeof first === 'string' ? { text: first } : { ...(first as object) }) as Statement
      return inTurn(() => run(values === undefined ? statement : { ...statement, values: values as unknown[] }))
    },
    finish: () =>
      inTurn(async () => {
        if (isOpen) await close('rollback')
        if (broken !== undefined) throw broken
      }),
  }
}

/**
 * Runs one statement and no more, whatever its text says: by the extended protocol, in which a text of several is an error.
 * And without a name: what a session has prepared under it may be somebody else's.
 */
function runAlone(connection: Connection, statement: Statement): Promise<unknown> {
  const query = restrict(new (queryClassOf(connection))(statement))
  return new Promise((resolve, reject) => {
    query.callback = (error, result) => (error ? reject(error) : resolve(result))
    connection.query(query)
  })
}

function queryClassOf(connection: Connection): QueryMaker['Query'] {
  return (connection.constructor as unknown as QueryMaker).Query
}

function restrict(query: DriverQuery): DriverQuery {
  query.name = undefined
  // Not `queryMode`, which Neon's driver does not know.
  query.requiresPreparation = () => true
  return query
}

/** Without what a text of several statements has behind the first, and the semicolon. */
function alone(text: string): string {
  const [first = '', ...rest] = text.replace(/[\s;]+$/, '').split(';')
  if (rest.length > 0) throw new OptionError('begin and end a transaction in a statement of its own')
  return first
}

function refuseCallback(given: readonly unknown[]): void {
  if (given.some((each) => typeof each === 'function')) throw new OptionError('callbacks are not supported: await it')
}

/** The same object to whoever looks at it, with some methods of its own. */
function overlay<T extends object>(target: T, own: Partial<Record<keyof T, unknown>>): T {
  return new Proxy(target, {
    get(_, name) {
      if (Object.hasOwn(own, name)) return own[name as keyof T]
      const value: unknown = Reflect.get(target, name, target)
      return typeof value === 'function' && name !== 'constructor' ? value.bind(target) : value
    },
  })
}
