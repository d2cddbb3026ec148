/** One bounded fetch of a JWKS: nothing the other side does can hold or fill the gateway. */
import { discoverJwksUrl } from './discovery.ts'
import { KeySetError } from './key-set.ts'

/** How long a fetch may take, body included. */
export const fetchTimeoutMs = 5_000
/** The most bytes of a body, after decompression. */
export const maxBodyBytes = 65_536
/** How long keys count as fresh when the answer does not say. */
export const defaultFreshMs = 300_000
/** The shortest time keys count as fresh, whatever the answer says: it bounds how often the issuer is asked. */
export const minFreshMs = 30_000
/** The longest time keys count as fresh, whatever the answer says: it bounds how long a removed key goes on. */
export const maxFreshMs = 600_000

/** Between which times keys count as fresh, in milliseconds. */
export interface FreshLimits {
  readonly minMs: number
  readonly maxMs: number
}

/** What came back. */
export interface FetchedJwks {
  readonly body: Uint8Array
  /** How long it may be used without asking again. */
  readonly freshMs: number
}

/** What to fetch, and how much of it. */
export interface FetchOptions {
  readonly iss: string
  /** Where the keys are; undefined where the metadata of `iss` says it. */
  readonly url?: URL | undefined
  /** Whether metadata may name a private place. Default false. */
  readonly allowPrivateNetwork?: boolean | undefined
  readonly fetch: typeof fetch
  /** Default {@link fetchTimeoutMs}, for all that has to be asked together. */
  readonly timeoutMs?: number | undefined
  /** Default from {@link minFreshMs} to {@link maxFreshMs}. */
  readonly freshLimits?: FreshLimits | undefined
  /** Default {@link maxBodyBytes}. */
  readonly maxBytes?: number | undefined
}

/**
 * Fetches a JWKS, from the address that is given or that the metadata of the issuer names.
 *
 * Follows no redirect, gives up after 5 s and after 64 KiB, and takes only the status 200. Asks twice where the
 * connection breaks.
 * Does NOT check a URL that is given (see `jwks-url.ts`), the media type or the content.
 *
 * @throws KeySetError `unreachable`, `timeout`, `status`, `discovery`, `too_large`
 */
export async function fetchJwks(options: FetchOptions): Promise<FetchedJwks> {
  const { timeoutMs = fetchTimeoutMs } = options
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    const error = new KeySetError('timeout', `no complete answer within ${timeoutMs} ms`)
    timer = setTimeout(() => reject(error), timeoutMs)
  })
  try {
    // A race, as a fetch that was handed in may not heed the signal.
    return await Promise.race([timeout, locateAndRequest(options, controller.signal)])
  } catch (cause) {
    controller.abort()
    throw cause instanceof KeySetError ? cause : new KeySetError('unreachable', describeBreak(cause), { cause })
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Fetches any other document of an issuer, with the same limits.
 *
 * @throws KeySetError `unreachable`, `timeout`, `status`, `too_large`
 */
export async function fetchBody(url: URL, options: FetchOptions): Promise<Uint8Array> {
  return (await fetchJwks({ ...options, url })).body
}

async function locateAndRequest(options: FetchOptions, signal: AbortSignal): Promise<FetchedJwks> {
  const get = (url: URL) => requestTwice(url, options, signal)
  const url =
    options.url ?? (await discoverJwksUrl(options.iss, options, async (address) => (await get(address)).body)).jwksUrl
  return get(url)
}

/** The code of the system or of OpenSSL, where there is one: `ECONNREFUSED`, `SELF_SIGNED_CERT_IN_CHAIN`. */
function describeBreak(error: unknown): string {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
  const code = cause instanceof Error && 'code' in cause ? cause.code : undefined
  return typeof code === 'string' ? `the fetch failed (${code})` : 'the fetch failed'
}

/**
 * Requests once more where the connection broke: one that is kept open and that the other side closes at that moment is
 * no reason to refuse a token (RFC 9112 §9.3.1).
 */
async function requestTwice(...asked: Parameters<typeof request>): Promise<FetchedJwks> {
  const [, , signal] = asked
  try {
    return await request(...asked)
  } catch (error) {
    if (error instanceof KeySetError || signal.aborted) throw error
    return await request(...asked)
  }
}

async function request(url: URL, options: FetchOptions, signal: AbortSignal): Promise<FetchedJwks> {
  const { freshLimits = { minMs: minFreshMs, maxMs: maxFreshMs }, maxBytes = maxBodyBytes } = options
  const accept = 'application/jwk-set+json, application/json'
  const response = await options.fetch(url.href, { headers: { accept }, redirect: 'manual', signal })
  if (response.status !== 200) {
    throw new KeySetError('status', `the answer of ${url.origin}${url.pathname} has the status ${response.status}`)
  }
  return { body: await readBounded(response, maxBytes), freshMs: freshMsOf(response.headers, freshLimits) }
}

async function readBounded(response: Response, maxBytes: number): Promise<Uint8Array> {
  const reader = response.body?.getReader()
  const body = new Uint8Array(maxBytes)
  let length = 0
  while (reader !== undefined) {
    const { done, value } = await reader.read()
    if (done) break
    if (length + value.length > maxBytes) {
      throw new KeySetError('too_large', `the answer is over ${maxBytes} bytes: max_jwks_bytes may allow more`)
    }
    body.set(value, length)
    length += value.length
  }
  return body.subarray(0, length)
}

/** @see RFC 9111 §4.2.1, §5.2.2 */
function freshMsOf(headers: Headers, { minMs, maxMs }: FreshLimits): number {
  const cacheControl = headers.get('cache-control') ?? ''
  if (/(?:^|[\s,])no-(?:store|cache)\b/i.test(cacheControl)) return minMs
  const maxAge = /(?:^|[\s,])max-age\s*=\s*"?(\d+)/i.exec(cacheControl)?.[1]
  if (maxAge === undefined) return Math.min(maxMs, Math.max(minMs, defaultFreshMs))
  const age = /^\d+$/.exec(headers.get('age') ?? '')?.[0] ?? '0'
  return Math.min(maxMs, Math.max(minMs, (Number(maxAge) - Number(age)) * 1000))
}
