/**
 * What the gateway knows of the connected database: which functions there are, and which types are arrays.
 */
import pg from 'pg'
import { exposureSql, parseExposures } from '../database/harden.ts'
import { Failure } from '../errors.ts'
import type { Emit, Exposure } from '../events.ts'
import { arrayTypesSql, parseTypeFacts, type TypeFacts } from '../pg/values.ts'
import { createClassifier, type Verdict } from '../sql/classify.ts'
import { type FunctionFacts, functionFactsSql, parseFunctionFacts } from '../sql/facts.ts'
import { loadParser } from '../sql/parser.ts'
import type { GatewayConfig } from './config.ts'

const catalogRefreshMs = 30_000
const firstCatalogRetryMs = 100
const maxCatalogRetryMs = 5_000

/** One reading of the catalogs. */
export interface Catalog {
  readonly exposures: readonly Exposure[]
  readonly functions: FunctionFacts
  readonly types: ReadonlyMap<number, TypeFacts>
}

/**
 * Reads the catalogs over a connection of its own.
 * @throws the error of node-postgres when the server cannot be reached
 */
export async function readCatalog(connectionString: string, timeoutMs: number): Promise<Catalog> {
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
      exposures: parseExposures(exposures.rows[0]),
      functions: parseFunctionFacts(functions.rows),
      types: parseTypeFacts(types.rows),
    }
  } finally {
    await client.end()
  }
}

/** The classifier over the newest reading of the catalogs. */
export interface CatalogKeeper {
  readonly current: Catalog | undefined
  /** @throws Failure `database_unavailable` until the catalogs were read once */
  classify(sql: string): Verdict
  close(): void
}

/**
 * Reads the catalogs now and again every half minute; a server that does not answer is asked again sooner.
 *
 * Reports what the database leaves open, at first and whenever that changes.
 */
export function createCatalogKeeper(config: GatewayConfig, emit: Emit): CatalogKeeper {
  let current: Catalog | undefined
  let classifier: ((sql: string) => Verdict) | undefined
  let timer: NodeJS.Timeout | undefined
  let retryMs = firstCatalogRetryMs
  let closed = false

  async function refresh(): Promise<void> {
    let nextMs = catalogRefreshMs
    try {
      const read = await readCatalog(config.databaseUrl.href, config.connectTimeoutMs)
      if (current?.functions.digest !== read.functions.digest)
        classifier = createClassifier(await loadParser(), read.functions)
      reportExposures(read.exposures)
      current = read
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

  void refresh()
  return {
    get current() {
      return current
    },
    classify(sql) {
      if (classifier === undefined) throw new Failure('database_unavailable')
      return classifier(sql)
    },
    close() {
      closed = true
      clearTimeout(timer)
    },
  }
}
