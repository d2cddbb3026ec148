/**
 * Reads a `POST /sql` request: headers, connection string, body. What it returns is typed and within the limits.
 */
import { LRUCache } from 'lru-cache'
import { Failure } from '../../errors.ts'
import type { Statement } from '../../postgres/flight.ts'
import { toParameter } from '../../postgres/values.ts'
import { isJsonObject } from '../../token/strict-json.ts'

/** The headers that mean something to the gateway, by lower-case name; a header sent twice is an array. */
export interface SqlHeaders {
  authorization?: string | string[]
  'content-length'?: string
  'neon-connection-string'?: string
  'neon-raw-text-output'?: string
  'neon-array-mode'?: string
  'neon-batch-isolation-level'?: string
  'neon-batch-read-only'?: string
  'neon-batch-deferrable'?: string
  'neon-request-id'?: string
  origin?: string
  'rowpass-seen'?: string
  traceparent?: string
}

/** A transaction as the batch headers ask for it; `undefined` members were not sent. */
export interface BatchOptions {
  readonly isolationLevel: string | undefined
  readonly readOnly: boolean
  readonly deferrable: boolean
}

/** One statement as the body has it. */
export type SqlQuery = Pick<Statement, 'sql' | 'params' | 'shape'>

/** What the body asks for. */
export type SqlBody =
  | { readonly kind: 'single'; readonly queries: readonly [SqlQuery] }
  | { readonly kind: 'batch'; readonly queries: readonly SqlQuery[] }

const isolationLevels: Readonly<Record<string, string>> = {
  ReadUncommitted: 'READ UNCOMMITTED',
  ReadCommitted: 'READ COMMITTED',
  RepeatableRead: 'REPEATABLE READ',
  Serializable: 'SERIALIZABLE',
}

/** The number of parameters is 16 bits wide on the wire. */
const maxParams = 65_535
/** Of all statements of a request. */
const maxAllParams = 100_000
/** How deep a body may be nested, and how many values, in arrays and objects too, it may have. */
const maxDepth = 100
const maxValues = 1_000_000

/** What the gateway reads of a connection string. */
export interface ConnectionString {
  readonly database: string
  readonly user: string
  /** Only used, and never kept, when no token was sent and password mode is on. */
  readonly password: string
  readonly applicationName: string | undefined
}

/**
 * Reads a connection string. Host, port and options are the configuration's business: what a client writes there is
 * ignored.
 *
 * @throws Failure `connection_string_invalid`; its text never repeats what was sent
 */
function parseConnectionString(text: string | undefined): ConnectionString {
  if (text === undefined) throw invalid('invalid header: neon-connection-string')
  if (!URL.canParse(text)) throw invalid('invalid connection string: it is not a URL')
  const url = new URL(text)
  if (url.protocol !== 'postgres:' && url.protocol !== 'postgresql:') throw invalid('incorrect scheme')
  if (url.pathname === '') throw invalid('missing database name')
  if (url.username === '') throw invalid('missing username')
  if (url.hostname === '') throw invalid('missing hostname')
  const read = readMembers(url)
  // The protocol ends a value at its first NUL: what follows would be read as other parameters, a second user for one.
  if (Object.values(read).some((value) => value?.includes('\0'))) {
    throw invalid('invalid connection string: it has a NUL character')
  }
  return read
}

function readMembers(url: URL): ConnectionString {
  try {
    return {
      database: decodeURIComponent(url.pathname.split('/')[1] ?? ''),
      user: decodeURIComponent(url.username),
      password: decodeURIComponent(url.password),
      applicationName: url.searchParams.get('application_name') ?? undefined,
    }
  } catch {
    throw invalid('invalid username: it is not UTF-8')
  }
}

/** What the headers ask for. */
export interface Head {
  readonly batch: BatchOptions
  readonly login: ConnectionString
}

/**
 * Makes a reader of the headers that remembers connection strings: clients send the same text each time. One that holds a
 * password is read anew each time and not kept.
 *
 * The reader throws Failure `request_invalid` for an isolation level that PostgreSQL does not have, on a single query too;
 * `connection_string_invalid`.
 */
export function createHeadReader(): (headers: SqlHeaders) => Head {
  const known = new LRUCache<string, ConnectionString>({ max: maxKnownConnectionStrings })

  function readLogin(text: string | undefined): ConnectionString {
    const before = text === undefined ? undefined : known.get(text)
    if (before !== undefined) return before
    const parsed = parseConnectionString(text)
    if (text !== undefined && text.length <= maxKnownLength && parsed.password === '') known.set(text, parsed)
    return parsed
  }

  return (headers) => ({ batch: parseBatchOptions(headers), login: readLogin(headers['neon-connection-string']) })
}

const maxKnownConnectionStrings = 256
const maxKnownLength = 1_024

function parseBatchOptions(headers: SqlHeaders): BatchOptions {
  const isolationLevel = headers['neon-batch-isolation-level']
  if (isolationLevel !== undefined && !Object.hasOwn(isolationLevels, isolationLevel)) {
    throw new Failure('request_invalid', { detail: 'invalid isolation level' })
  }
  return {
    isolationLevel,
    readOnly: headers['neon-batch-read-only'] === 'true',
    deferrable: headers['neon-batch-deferrable'] === 'true',
  }
}

/** The statement that opens a batch's transaction. */
export function toBegin({ isolationLevel, readOnly, deferrable }: BatchOptions): string {
  const modes = [
    ...(isolationLevel === undefined ? [] : [`ISOLATION LEVEL ${isolationLevels[isolationLevel]}`]),
    ...(readOnly ? ['READ ONLY'] : []),
    ...(deferrable ? ['DEFERRABLE'] : []),
  ]
  return `START TRANSACTION ${modes.join(', ')}`.trim()
}

/**
 * Reads the body: `{"query", "params"?, "arrayMode"?}` or `{"queries": [those]}`; the single form wins.
 *
 * @throws Failure `request_invalid`
 */
export function parseSqlBody(text: string, headers: SqlHeaders, maxBatch: number): SqlBody {
  const excess = findExcess(text)
  if (excess !== undefined) throw unparsable(excess)
  try {
    return toSqlBody(JSON.parse(text), headers, maxBatch)
  } catch (error) {
    if (error instanceof SyntaxError) throw unparsable(error.message)
    throw error
  }
}

/** Looks at the brackets and commas of what may be JSON: the parser would take all the time and memory that they ask for. */
export function findExcess(text: string): string | undefined {
  let depth = 0
  let values = 0
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '"':
        at = endOfString(text, at)
        break
      case '[':
      case '{':
        values++
        if (++depth > maxDepth) return `it is nested more than ${maxDepth} levels deep`
        break
      case ']':
      case '}':
        depth--
        break
      case ',':
        if (++values > maxValues) return `it has more than ${maxValues} values`
    }
  }
  return undefined
}

/** The index of the quote that ends the string at `start`, or the last index of a text that does not end it. */
function endOfString(text: string, start: number): number {
  for (let end = text.indexOf('"', start + 1); end >= 0; end = text.indexOf('"', end + 1)) {
    let backslashes = 0
    while (text[end - 1 - backslashes] === '\\') backslashes++
    if (backslashes % 2 === 0) return end
  }
  return text.length
}

function toSqlBody(body: unknown, headers: SqlHeaders, maxBatch: number): SqlBody {
  const shape = {
    arrayMode: headers['neon-array-mode'] === 'true',
    rawText: headers['neon-raw-text-output'] === 'true',
  }
  if (!isJsonObject(body)) throw mismatch()
  if (body.query !== undefined) return { kind: 'single', queries: [parseQuery(body, shape)] }
  if (!Array.isArray(body.queries)) throw mismatch()
  if (body.queries.length > maxBatch) {
    throw new Failure('request_invalid', { detail: `a batch has at most ${maxBatch} queries` })
  }
  const queries = body.queries.map((query) => parseQuery(query, shape))
  if (queries.reduce((sum, { params }) => sum + params.length, 0) > maxAllParams) {
    throw new Failure('request_invalid', { detail: `a batch has at most ${maxAllParams} parameters in all` })
  }
  return { kind: 'batch', queries }
}

function parseQuery(query: unknown, shape: Statement['shape']): SqlQuery {
  if (!isJsonObject(query) || typeof query.query !== 'string') throw mismatch()
  const { query: sql, params = [], arrayMode } = query
  if (!Array.isArray(params)) throw mismatch()
  if (arrayMode !== undefined && arrayMode !== null && typeof arrayMode !== 'boolean') throw mismatch()
  if (params.length > maxParams) {
    throw new Failure('request_invalid', { detail: `a query has at most ${maxParams} parameters` })
  }
  // The protocol ends a statement at the first NUL: PostgreSQL would run another text than the one that was judged.
  if (sql.includes('\0')) throw new Failure('request_invalid', { detail: 'a query has no NUL character' })
  return {
    sql,
    params: params.map(toParameter),
    shape: { arrayMode: arrayMode ?? shape.arrayMode, rawText: shape.rawText },
  }
}

function invalid(detail: string): Failure {
  return new Failure('connection_string_invalid', { detail })
}

function unparsable(reason: string): Failure {
  return new Failure('request_invalid', { detail: `could not parse the HTTP request body: ${reason}` })
}

function mismatch(): Failure {
  return unparsable('data did not match any variant of untagged enum Payload')
}
