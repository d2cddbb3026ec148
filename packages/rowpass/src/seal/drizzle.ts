/**
 * A database of Drizzle, over whichever driver: the same one with a sealed client.
 */
import type { RequestIdentity } from './form.ts'

/** What Drizzle's databases for PostgreSQL have in common, from 0.44 on. */
export interface DrizzleDatabase {
  readonly _: { readonly schema: unknown; readonly fullSchema: unknown; readonly tableNamesMap: unknown }
  readonly dialect: unknown
  readonly session: DrizzleSession
}

interface DrizzleSession {
  readonly client: unknown
  readonly schema: unknown
  readonly options: { readonly cache?: unknown }
}

/** Whether it is a database of Drizzle. */
export function isDrizzle(value: unknown): value is DrizzleDatabase {
  return typeof value === 'object' && value !== null && '_' in value && 'dialect' in value && 'session' in value
}

/**
 * Puts a sealed client in the place of the one that a database has.
 *
 * A cache of results is left out: its entries are found by the text of a statement, and the rows are somebody's.
 */
export function sealDrizzle(
  db: DrizzleDatabase,
  identity: RequestIdentity,
  sealClient: (client: unknown, identity: RequestIdentity) => unknown,
): DrizzleDatabase {
  const { dialect, session, _: internal } = db
  const client = sealClient(session.client, identity)
  const { cache: _cache, ...options } = session.options
  const sealedSession = construct(session, [client, dialect, session.schema, options])
  const schema = internal.schema === undefined ? undefined : internal
  return Object.assign(construct(db, [dialect, sealedSession, schema]), { $client: client })
}

/** Another one of the class of `like`. */
function construct<T extends object>(like: T, given: unknown[]): T {
  return Reflect.construct(like.constructor, given) as T
}
