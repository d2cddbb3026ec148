/**
 * What the gateway knows of the connected database: which functions there are, and which types are arrays.
 */
import { createHash } from 'node:crypto'
import pg from 'pg'
import { connectionsNeeded, exposureSql, parseExposures } from '../database/exposure.ts'
import { Failure } from '../errors.ts'
import type { Emit, Exposure, Preparation } from '../events.ts'
import { versionSql } from '../postgres/schema-version.ts'
import type { ServerClient } from '../postgres/server-url.ts'
import { connectServer, isRefused } from '../postgres/servers.ts'
import { arrayTypesSql, parseTypeFacts, type TypeFacts } from '../postgres/values.ts'
import { type FunctionFactRow, factsDigestSql, functionFactsSql } from '../statement/facts.ts'
import type { GatewayConfig } from './config.ts'
import { type Expected, findLack, type Lack, type Preparedness, toldClockSeconds } from './preparation.ts'

const catalogRefreshMs = 30_000
/** Some fifty times what 50,000 functions and 20,000 tables take on an idle machine: `npm run bench:catalog`. */
const readingTimeoutMs = 60_000
/** A migration of many transactions is not followed by as many readings. */
const betweenReadingsMs = 1_000
const firstCatalogRetryMs = 100
const maxCatalogRetryMs = 5_000

const remedies: Readonly<Record<Preparation, string>> = {
  platform: 'npx rowpass db migrate',
  gateway: 'a gateway of the version of Rowpass that has run "rowpass db migrate" here last; this one is older',
  seal_key: 'npx rowpass db migrate with the ROWPASS_SEAL_KEYS of this gateway',
  roles: 'name authenticated, anonymous, or a role that is granted to one of them, in ROWPASS_ISSUERS',
}

/** What one reading of the catalogs has found. */
export interface KnownCatalog {
  readonly exposures: readonly Exposure[]
  readonly lack: Preparedness
  /** Of the schema; undefined where the database does not count its changes. */
  readonly version: string | undefined
  /** Equal for readings that need not be made again. */
  readonly mark: string
  /** What statements are judged by, as it was read: making something of it is for another thread. */
  readonly facts: readonly FunctionFactRow[]
  /** Of the facts. */
  readonly digest: string
  readonly types: ReadonlyMap<number, TypeFacts>
}

/** The settings that a reading needs. */
export type CatalogSettings = Pick<
  GatewayConfig,
  'databaseUrl' | 'connectTimeoutMs' | 'poolSize' | 'gateways' | 'workers'
> &
  Partial<Pick<GatewayConfig, 'replicaUrls'>>

/** What a reading needs besides them. */
export interface CatalogReading {
  readonly expected: Expected
  /** Functions and types are read only when they have changed since. */
  readonly before?: KnownCatalog | undefined
}

/**
 * Reads the catalogs over a connection of its own.
 * @throws Failure `database_unavailable` when the server cannot be reached or refuses the login
 * @throws the error of node-postgres when the server refuses to say, or does not answer in 60 s
 */
export async function readCatalog(settings: CatalogSettings, reading: CatalogReading): Promise<KnownCatalog> {
  let client: ServerClient
  try {
    client = await connectServer(settings.databaseUrl, {
      connectionTimeoutMillis: settings.connectTimeoutMs,
      // The server ends a statement sooner; this is for one that has gone silent.
      query_timeout: readingTimeoutMs + settings.connectTimeoutMs,
      application_name: 'rowpass catalog',
    })
  } catch (cause) {
    throw new Failure('database_unavailable', { cause })
  }
  try {
    const replicas = settings.replicaUrls?.length ?? 0
    return await readOver(client, connectionsNeeded({ ...settings, replicas }), reading)
  } finally {
    // Not awaited: a server that has gone silent would keep the reading from ending.
    void client.end().catch(() => {})
  }
}

async function readOver(
  client: pg.Client,
  connections: number,
  { expected, before }: CatalogReading,
): Promise<KnownCatalog> {
  const version = await readVersion(client)
  const limits = `set local statement_timeout = ${readingTimeoutMs}; set local jit = off`
  // In a transaction, and not at the start of the session: a pooler refuses settings there.
  await client.query(`start transaction read only; ${limits}`)
  const { rows: exposed } = await client.query(exposureSql)
  // The server's too: another minor version can be judged otherwise.
  const mark = `${exposed[0].version} ${version ?? (await readDigest(client))}`
  const { facts, digest, types } = before?.mark === mark ? before : await readFacts(client)
  const exposures = parseExposures(exposed[0], connections)
  await client.query('commit')
  return { version, mark, facts, digest, types, exposures, lack: await findLack(client, expected) }
}

/** What says that nothing counts: no table, no schema, no right to them. */
const uncounted: ReadonlySet<string | undefined> = new Set(['42P01', '3F000', '42501'])

/** Read before the facts, so that a change in between makes them be read once more. */
async function readVersion(client: pg.Client): Promise<string | undefined> {
  try {
    const { rows } = await client.query<{ version: string | null }>(versionSql)
    return rows[0]?.version ?? undefined
  } catch (error) {
    if (error instanceof pg.DatabaseError && uncounted.has(error.code)) return undefined
    throw error
  }
}

async function readDigest(client: pg.Client): Promise<string> {
  const { rows } = await client.query<{ digest: string }>(factsDigestSql)
  return rows[0]?.digest ?? ''
}

async function readFacts(client: pg.Client): Promise<Pick<KnownCatalog, 'facts' | 'digest' | 'types'>> {
  const { rows: facts } = await client.query<FunctionFactRow>(functionFactsSql)
  const hash = createHash('sha256')
  for (const row of facts) hash.update(JSON.stringify(row))
  const types = parseTypeFacts((await client.query(arrayTypesSql)).rows)
  return { facts, digest: hash.digest('hex'), types }
}

/** The newest reading of the catalogs. */
export interface CatalogKeeper {
  readonly current: KnownCatalog | undefined
  /** Whether the catalogs were read, and a request can have an identity. */
  readonly prepared: boolean
  /** False while the last reading has not reached a server that the URL asks for. */
  readonly reached: boolean
  /** What a request is told before the first reading: `catalog_unread`, or `database_unavailable` without a connection. */
  unread(): Failure
  /** The schema has changed: what follows from it is read without waiting for the half minute to pass. */
  refresh(): void
  close(): void
}

/** What the keeper tells and asks. */
export interface CatalogKeeperParts {
  /** Asked at each reading, as a reload changes it. */
  readonly expected: () => Expected
  /** Is given what statements are judged by, when it was read first and when it has changed. */
  readonly onFacts: (facts: readonly FunctionFactRow[]) => void
  /** Is told of each version that was read. */
  readonly onVersion: (version: string | undefined) => void
  readonly emit: Emit
}

/**
 * Reads the catalogs now and again every half minute; a server that does not answer is asked again sooner.
 *
 * Reports each reading of functions and types and each that failed, and what the database leaves open or lacks, at first
 * and whenever that changes.
 */
export function createCatalogKeeper(config: GatewayConfig, parts: CatalogKeeperParts): CatalogKeeper {
  const { expected, onFacts, onVersion, emit } = parts
  let current: KnownCatalog | undefined
  let failure: unknown
  let timer: NodeJS.Timeout | undefined
  let retryMs = firstCatalogRetryMs
  let startedAt = 0
  let reading = false
  /** Something changed while a reading was under way. */
  let again = false
  let closed = false
  let toldAheadSeconds = 0

  async function read(): Promise<void> {
    startedAt = performance.now()
    reading = true
    again = false
    let nextMs = catalogRefreshMs
    try {
      const next = await readCatalog(config, { expected: expected(), before: current })
      take(next)
      if (blocks(next.lack)) nextMs = maxCatalogRetryMs
      retryMs = firstCatalogRetryMs
      failure = undefined
    } catch (error) {
      failure = error
      nextMs = retryMs
      if (!closed) emit({ type: 'catalog_failed', cause: error, retryInMs: retryMs })
      retryMs = Math.min(retryMs * 2, maxCatalogRetryMs)
    }
    reading = false
    schedule(again ? betweenReadingsMs : nextMs)
  }

  function take(next: KnownCatalog): void {
    if (closed) return
    if (current?.digest !== next.digest) onFacts(next.facts)
    if (current?.facts !== next.facts) emit({ type: 'catalog_read', durationMs: performance.now() - startedAt })
    reportExposures(next.exposures)
    reportLack(next.lack)
    reportUnwatched(next)
    reportClock(next.lack.clockAheadSeconds)
    current = next
    onVersion(next.version)
  }

  function schedule(ms: number): void {
    if (closed) return
    clearTimeout(timer)
    timer = setTimeout(() => void read(), ms)
    timer.unref()
  }

  function reportExposures(exposures: readonly Exposure[]): void {
    if (exposures.length === 0 || exposures.join() === current?.exposures.join()) return
    const remedy = [
      ...(exposures.includes('server_version') ? ['the newest minor version of PostgreSQL'] : []),
      ...(exposures.some((each) => each !== 'server_version') ? ['npx rowpass db harden'] : []),
      'see SECURITY.md',
    ].join('; ')
    emit({ type: 'database_exposed', exposures, remedy })
  }

  function reportLack(lack: Lack): void {
    const { missing, roles } = lack
    const before = current?.lack
    if (missing.length === 0 || (`${missing}` === `${before?.missing}` && `${roles}` === `${before?.roles}`)) return
    const remedy = missing.map((each) => remedies[each]).join('; ')
    emit({ type: 'database_unprepared', missing, roles, remedy })
  }

  /** Behind a pooler nothing is kept in any case. */
  function reportUnwatched({ version }: KnownCatalog): void {
    if (version !== undefined || config.preparedStatements === 0) return
    if (current !== undefined && current.version === undefined) return
    const remedy =
      'npx rowpass db harden as a superuser, or as a role that may make event triggers; see docs/production.md'
    emit({ type: 'schema_unwatched', remedy })
  }

  function reportClock(aheadSeconds: number): void {
    if (Math.abs(aheadSeconds - toldAheadSeconds) < toldClockSeconds) return
    toldAheadSeconds = aheadSeconds
    const remedy =
      aheadSeconds > 0
        ? 'set both clocks by a time server (NTP): PostgreSQL ends every identity that much before its token expires'
        : 'set both clocks by a time server (NTP): PostgreSQL ends an identity that much after its token has expired'
    emit({ type: 'clock_differs', aheadSeconds, remedy })
  }

  void read()
  return {
    get current() {
      return current
    },
    get prepared() {
      return current !== undefined && !blocks(current.lack)
    },
    get reached() {
      return !(failure instanceof Failure) || failure.code !== 'database_unavailable' || isRefused(failure.cause)
    },
    unread() {
      if (failure instanceof Failure) return new Failure(failure.code, { cause: failure.cause })
      return new Failure('catalog_unread', { cause: failure })
    },
    refresh() {
      if (reading) again = true
      else schedule(Math.max(0, startedAt + betweenReadingsMs - performance.now()))
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

/** Without a role some tokens fail, without the others every one. */
function blocks({ missing }: Lack): boolean {
  return missing.some((each) => each !== 'roles')
}
