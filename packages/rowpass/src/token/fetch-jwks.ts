/** One bounded fetch of a JWKS: nothing the other side does can hold or fill the gateway. */
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

/**
 * Fetches a JWKS.
 *
 * Follows no redirect, gives up after 5 s and after 64 KiB, and takes only the status 200. Asks twice where the
 * connection breaks.
 * Does NOT check the URL (see `jwks-url.ts`), the media type or the content.
 *
 * @throws KeySetError `unreachable`, `timeout`, `status`, `too_large`
 */
export async function fetchJwks(
  url: URL,
  fetcher: typeof fetch,
  options: { readonly timeoutMs?: number | undefined; readonly freshLimits?: FreshLimits | undefined } = {},
): Promise<FetchedJwks> {
  const { timeoutMs = fetchTimeoutMs, freshLimits = { minMs: minFreshMs, maxMs: maxFreshMs } } = options
  const controller = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const timeout = new Promise<never>((_, reject) => {
    const error = new KeySetError('timeout', `no complete answer within ${timeoutMs} ms`)
    timer = setTimeout(() => reject(error), timeoutMs)
  })
  try {
    // A race, as a fetch that was handed in may not heed the signal.
    return await Promise.race([timeout, requestTwice(url, fetcher, controller.signal, freshLimits)])
  } catch (cause) {
    controller.abort()
    throw cause instanceof KeySetError ? cause : new KeySetError('unreachable', 'the fetch failed', { cause })
  } finally {
    clearTimeout(timer)
  }
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

async function request(
  url: URL,
  fetcher: typeof fetch,
  signal: AbortSignal,
  limits: FreshLimits,
): Promise<FetchedJwks> {
  const accept = 'application/jwk-set+json, application/json'
  const response = await fetcher(url.href, { headers: { accept }, redirect: 'manual', signal })
  if (response.status !== 200) throw new KeySetError('status', `the answer has the status ${response.status}`)
  return { body: await readBounded(response), freshMs: freshMsOf(response.headers, limits) }
}

async function readBounded(response: Response): Promise<Uint8Array> {
  const reader = response.body?.getReader()
  const body = new Uint8Array(maxBodyBytes)
  let length = 0
  while (reader !== undefined) {
    const { done, value } = await reader.read()
    if (done) break
    if (length + value.length > maxBodyBytes) {
      throw new KeySetError('too_large', `the answer is over ${maxBodyBytes} bytes`)
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
