/**
 * The keys of one issuer, kept as fresh as its answers allow, and never unbounded in age.
 *
 * ```
 *  fetched            fresh until       + graceMs                        fetched + maxStaleMs
 *     |---- used as is ----|-- used, refreshed --|-- used if a refresh fails --|-- refused
 * ```
 * A key that its issuer removes stops verifying within the time its answers may be kept, at most maxFreshMs, and
 * graceMs (together 10 min 6 s; 5 min 6 s with our own issuer) while the issuer answers, and within `maxStaleMs` (1 h)
 * when it does not. After `distrust` it is the next answer that decides.
 */

import {
  cooldownMs,
  distrust,
  emptyMemory,
  type KeyMemory,
  type RemoteKeysOptions,
  refresh,
  usableSet,
  waitMs,
} from './key-refresh.ts'
import type { KeySet, VerificationKey } from './key-set.ts'
import { TokenRefusal } from './refusal.ts'

/** How many requests may wait for an unknown key at one time; more are refused at once. */
export const maxWaiting = 256

/** A key, and the set it is of. */
export interface FoundKey {
  readonly set: KeySet
  readonly key: VerificationKey
}

/** The keys of one issuer. */
export interface RemoteKeys {
  /**
   * The set in force at a time, without waiting; starts a refresh in the background when it is stale.
   *
   * @param nowMs milliseconds since the epoch
   * @returns undefined when the set is too old to use without asking first, or there is none yet
   */
  current(nowMs: number): KeySet | undefined
  /**
   * Finds a key by its `kid`, or the only one for a token without (an empty text), asking the issuer where needed.
   *
   * A `kid` is called unknown only by an answer that was asked for after the token had come, so invented ones cannot
   * hide a real new one; all who wait share one fetch per cooldown. Answers at once where nothing need be asked.
   *
   * @throws TokenRefusal (or rejects with) `key_unknown`, `keys_unavailable`
   */
  find(kid: string): FoundKey | Promise<FoundKey>
  /**
   * Asks the issuer before any key is used again, as when one is known to be in the wrong hands. When it does not answer,
   * the keys are used as before.
   */
  distrust(): void
}

/**
 * Keeps the keys of one issuer.
 *
 * Fetches nothing before the first token comes, and leaves no timer behind but the one of a request that waits.
 * Does NOT check the URL: see `jwks-url.ts`. Requests share one fetch, which Cloudflare Workers forbid: there, keep one
 * per request.
 */
export function createRemoteKeys(options: RemoteKeysOptions): RemoteKeys {
  const memory = emptyMemory()
  const waitForAnswer = createWaitingRoom(memory, options)

  function current(nowMs: number): KeySet | undefined {
    // A clock that was set back makes the set stale, not young again.
    if (nowMs < memory.freshUntil && nowMs >= memory.fetchedAt) return memory.set
    if (usableSet(memory, options, nowMs) === undefined) return undefined
    if (waitMs(memory, options, nowMs) === 0) void refresh(memory, options)
    return nowMs < memory.graceUntil ? memory.set : undefined
  }

  function find(kid: string): FoundKey | Promise<FoundKey> {
    const seenAttempts = memory.started
    const set = current(options.now())
    const key = set?.find(kid)
    return set === undefined || key === undefined ? ask(kid, set, seenAttempts) : { set, key }
  }

  async function ask(kid: string, inForce: KeySet | undefined, seenAttempts: number): Promise<FoundKey> {
    const set = inForce ?? (await settle(memory, options))
    if (set.find(kid) === undefined) await waitForAnswer(seenAttempts, kid)
    const latest = usableSet(memory, options, options.now())
    const key = latest?.find(kid)
    if (latest === undefined || key === undefined) throw new TokenRefusal('key_unknown', describeUnknown(kid, latest))
    return { set: latest, key }
  }

  return { current, find, distrust: () => distrust(memory) }
}

/** Waits for a set that may be used, unless attempts are failing and it is too early for another. */
async function settle(memory: KeyMemory, options: RemoteKeysOptions): Promise<KeySet> {
  if (memory.running !== undefined || waitMs(memory, options, options.now()) === 0) {
    await refresh(memory, options)
    // One that had started before `distrust` may bring the very key that is not to be used.
    if (memory.failures === 0 && memory.ended <= memory.distrusted) await refresh(memory, options)
  }
  const set = usableSet(memory, options, options.now())
  if (set === undefined) throw unavailable(memory)
  return set
}

/** Where tokens with an unknown `kid` wait until an attempt has ended that started after they came, or one fails. */
function createWaitingRoom(memory: KeyMemory, options: RemoteKeysOptions) {
  let waiting = 0
  let scheduled: Promise<void> | undefined

  function nextAttempt(): Promise<void> {
    const delayMs = Math.min(options.cooldownMs ?? cooldownMs, waitMs(memory, options, options.now()))
    scheduled ??= sleep(delayMs).then(() => {
      scheduled = undefined
      return refresh(memory, options)
    })
    return scheduled
  }

  return async function waitForAnswer(seenAttempts: number, kid: string): Promise<void> {
    if (waiting >= maxWaiting) throw new TokenRefusal('key_unknown', 'too many tokens name unknown keys')
    waiting += 1
    try {
      while (memory.ended <= seenAttempts && memory.set?.find(kid) === undefined) {
        const backingOff = memory.failures > 0 && waitMs(memory, options, options.now()) > 0
        if (memory.running !== undefined || !backingOff) await (memory.running ?? nextAttempt())
        if (memory.failures > 0) throw unavailable(memory)
      }
    } finally {
      waiting -= 1
    }
  }
}

function unavailable({ error }: KeyMemory): TokenRefusal {
  const says =
    error?.fetched === true
      ? 'the key set of the issuer was fetched and cannot be used'
      : 'the keys of the issuer cannot be fetched at the moment'
  return new TokenRefusal('keys_unavailable', error === undefined ? says : `${says}: ${error.message}`)
}

function describeUnknown(kid: string, set: KeySet | undefined): string {
  const what =
    kid === '' ? `the token names no key, and the issuer has ${set?.keys.size ?? 0}` : 'the issuer has no such key'
  return set === undefined || set.problems.length === 0 ? what : `${what}. Of its key set: ${set.problems.join('; ')}`
}

/** No delay, no timer: a first fetch for an unknown key starts at once. */
async function sleep(ms: number): Promise<void> {
  if (ms > 0) await new Promise((resolve) => setTimeout(resolve, ms))
}
