/**
 * What the gateway knows of the connected database: which functions there are, and which types are arrays.
 */
import pg from 'pg'
import { connectionsNeeded, exposureSql, parseExposures } from '../database/exposure.ts'
import type { Emit, Exposure, Preparation } from '../events.ts'
import { arrayTypesSql, parseTypeFacts, type TypeFacts } from '../pg/values.ts'
import { type FunctionFacts, functionFactsSql, parseFunctionFacts } from '../sql/facts.ts'
import type { GatewayConfig } from './config.ts'
import { type Expected, findLack, type Lack } from './preparation.ts'

const catalogRefreshMs = 30_000
const firstCatalogRetryMs = 100
const maxCatalogRetryMs = 5_000

const remedies: Readonly<Record<Preparation, string>> = {
  platform: 'npx rowpass db migrate',
  seal_key: 'npx rowpass db migrate with the ROWPASS_SEAL_KEYS of this gateway',
  roles: 'name authenticated, anonymous, or a role that is granted to one of them, in ROWPASS_ISSUERS',
}

/** One reading of the catalogs. */
export interface Catalog {
  readonly exposures: readonly Exposure[]
  readonly lack: Lack
  readonly functions: FunctionFacts
  readonly types: ReadonlyMap<number, TypeFacts>
}

/**
 * Reads the catalogs over a connection of its own.
 * @throws the error of node-postgres when the server cannot be reached
 */
async function readCatalog(config: GatewayConfig, expected: Expected): Promise<Catalog> {
  const { href: connectionString } = config.databaseUrl
  const timeoutMs = config.connectTimeoutMs
  const client = new pg.Client({
    connectionString,
    connectionTimeoutMillis: timeoutMs,
    application_name: 'rowpass catalog',
  })
  client.on('error', () => {})
  await client.connect()
  try {
    // In a transaction, and not at the start of the session: a pooler refuses settings there.
    await client.query(`start transaction read only; set local statement_timeout = ${timeoutMs}`)
    const functions = await client.query(functionFactsSql)
    const types = await client.query(arrayTypesSql)
    const exposures = await client.query(exposureSql)
    await client.query('commit')
    return {
      lack: await findLack(client, expected),
      exposures: parseExposures(exposures.rows[0], connectionsNeeded(config)),
      functions: parseFunctionFacts(functions.rows),
      types: parseTypeFacts(types.rows),
    }
  } finally {
    await client.end()
  }
}

/** The newest reading of the catalogs. */
export interface CatalogKeeper {
  readonly current: Catalog | undefined
  /** Whether the catalogs were read, and a request can have an identity. */
  readonly prepared: boolean
  close(): void
}

/**
 * Reads the catalogs now and again every half minute; a server that does not answer is asked again sooner.
 *
 * Reports what the database leaves open or lacks, at first and whenever that changes.
 *
 * @param expected asked at each reading, as a reload changes it
 * @param onFunctions called with what statements are judged by, when it was read first and when it has changed
 */
export function createCatalogKeeper(
  config: GatewayConfig,
  expected: () => Expected,
  onFunctions: (facts: FunctionFacts) => void,
  emit: Emit,
): CatalogKeeper {
  let current: Catalog | undefined
  let timer: NodeJS.Timeout | undefined
  let retryMs = firstCatalogRetryMs
  let closed = false

  async function refresh(): Promise<void> {
    let nextMs = catalogRefreshMs
    try {
      const read = await readCatalog(config, expected())
      if (current?.functions.digest !== read.functions.digest) onFunctions(read.functions)
      reportExposures(read.exposures)
      reportLack(read.lack)
      current = read
      if (blocks(read.lack)) nextMs = maxCatalogRetryMs
      retryMs = firstCatalogRetryMs
    } catch {
      // The pool reports why the database cannot be reached; what was read last stays in use.
      nextMs = retryMs
      retryMs = Math.min(retryMs * 2, maxCatalogRetryMs)
    }
    if (closed) return
    timer = setTimeout(() => void refresh(), nextMs)
    timer.unref()
  }

  function reportExposures(exposures: readonly Exposure[]): void {
    if (exposures.length === 0 || exposures.join() === current?.exposures.join()) return
    emit({ type: 'database_exposed', exposures, remedy: 'npx rowpass db harden; see SECURITY.md' })
  }

  function reportLack(lack: Lack): void {
    const { missing, roles } = lack
    if (missing.length === 0 || JSON.stringify(lack) === JSON.stringify(current?.lack)) return
    const remedy = missing.map((each) => remedies[each]).join('; ')
    emit({ type: 'database_unprepared', missing, roles, remedy })
  }

  void refresh()
  return {
    get current() {
      return current
    },
    get prepared() {
      return current !== undefined && !blocks(current.lack)
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}

/** Without a role some tokens fail, without the others every one. */
function blocks({ missing }: Lack): boolean {
  return missing.includes('platform') || missing.includes('seal_key')
}
