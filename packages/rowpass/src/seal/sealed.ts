/**
 * One way to seal a database, whatever the driver: the client is sealed, and what is built on it follows.
 */
import { OptionError } from '../errors.ts'
import { isDrizzle, sealDrizzle } from './drizzle.ts'
import type { RequestIdentity } from './form.ts'
import { isNeonHttp, sealNeonHttp } from './neon-http.ts'
import { isClient, isPool, sealClient, sealPool } from './pool.ts'
import { isPostgresJs, sealPostgresJs } from './postgres-js.ts'
import { isPrisma, sealPrisma } from './prisma.ts'

/**
 * The same database for one identity: every statement that it runs is in a transaction that sets role, claims and seal
 * first. Costs no connection; make one for each request.
 *
 * Takes what `neon()` and `postgres()` return, a pool or a client of node-postgres or of Neon's driver, a database of
 * Drizzle over one of these, and a client of Prisma. What takes a pool itself, as Kysely does, is given a sealed one. Each
 * text is one statement; with Prisma one without parameters may be several.
 *
 * The login of the connection is to be the powerless one of `rowpass db migrate --seal`: then whatever is run without a seal
 * gets no rows. A cache that Drizzle was given is not used, as it would mix identities.
 *
 * @param identity what `createSeal` has sealed
 * @throws OptionError for anything else
 * @example
 * const seal = createSeal({ keys: process.env.ROWPASS_SEAL_KEYS ?? '' })
 * const sql = neon(databaseUrl)
 * const rows = await sealed(sql, await seal({ sub: user.id, exp: Date.now() / 1000 + 60 }))`select * from notes`
 */
export function sealed<Database extends object>(db: Database, identity: RequestIdentity): Database {
  return sealAny(db, identity) as Database
}

function sealAny(db: unknown, identity: RequestIdentity): unknown {
  if (isDrizzle(db)) return sealDrizzle(db, identity, sealAny)
  if (isPrisma(db)) return sealPrisma(db, identity)
  if (isPostgresJs(db)) return sealPostgresJs(db, identity)
  if (isNeonHttp(db)) return sealNeonHttp(db, identity)
  if (isPool(db)) return sealPool(db, identity)
  if (isClient(db)) return sealClient(db, identity)
  throw new OptionError('this is no database that can be sealed')
}
