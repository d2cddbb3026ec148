/**
 * Neon's driver over HTTP, and whatever is built on it: each request is one transaction that brings its identity along.
 */
import { cleaningStatement, envelopeOf } from './envelope.ts'
import type { RequestIdentity } from './form.ts'

/** A query of the driver: it is sent when somebody waits for it, by its `execute`. */
interface LazyQuery extends PromiseLike<unknown> {
  execute: (data: unknown, options?: RequestOptions) => Promise<unknown>
}

/** Options of one request. */
interface RequestOptions {
  readonly fetchOptions?: object
}

/** What `neon()` returns, as far as it is used. */
export interface NeonHttp {
  (strings: TemplateStringsArray, ...values: unknown[]): LazyQuery
  query(text: string, values?: unknown[], options?: RequestOptions): LazyQuery
  unsafe(text: string): unknown
  transaction(queries: LazyQuery[] | ((sql: NeonHttp) => LazyQuery[]), options?: RequestOptions): Promise<unknown[]>
}

/** Whether it is what `neon()` returns. */
export function isNeonHttp(value: unknown): value is NeonHttp {
  return typeof value === 'function' && 'transaction' in value && 'query' in value
}

/** Seals what `neon()` returned. */
export function sealNeonHttp(sql: NeonHttp, identity: RequestIdentity): NeonHttp {
  async function run(queries: LazyQuery[], options?: RequestOptions): Promise<unknown[]> {
    // The endpoint may keep connections, with what a statement has left in them.
    const results = await sql.transaction(
      [sql.query(cleaningStatement), sql.query(...envelopeOf(identity)), ...queries, sql.query(cleaningStatement)],
      options,
    )
    return results.slice(2, -1)
  }

  function lazily(query: LazyQuery): LazyQuery {
    query.execute = async (_, options) => (await run([query], pick(options)))[0]
    return query
  }

  const sealedSql: NeonHttp = (strings, ...values) => lazily(sql(strings, ...values))
  sealedSql.query = (...query) => lazily(sql.query(...query))
  sealedSql.unsafe = (text) => sql.unsafe(text)
  sealedSql.transaction = (queries, options) =>
    run(typeof queries === 'function' ? queries(sealedSql) : [...queries], options)
  return sealedSql
}

/** Those of a query that belong to the request; the others are read from the query itself. */
function pick(options: RequestOptions | undefined): RequestOptions {
  return options?.fetchOptions === undefined ? {} : { fetchOptions: options.fetchOptions }
}
