/** The memory of one issuer's keys, and the attempts to renew it: one at a time, backing off while they fail. */
import type { Emit } from '../events.ts'
import type { AcceptedAlgorithm } from './algorithms.ts'
import { type FetchOptions, fetchJwks, fetchTimeoutMs } from './fetch-jwks.ts'
import { type KeySet, KeySetError, parseKeySet } from './key-set.ts'

/** How long stale keys are used while a refresh runs behind the requests: as long as the slowest one takes. */
export const graceMs = fetchTimeoutMs + 1_000
/** The age at which keys are refused when no refresh succeeds. */
export const defaultMaxStaleMs = 3_600_000
/**
 * The least time between two attempts. Short, as a real new key may be waiting among invented ones: with the fetch
 * itself, it is in use within a second of its first token.
 */
export const cooldownMs = 900
/** The most time between two attempts while they fail. */
export const maxRetryMs = 30_000
/** How long stale keys are used without waiting after an attempt that failed. */
export const failedGraceMs = 2 * maxRetryMs

/** What is needed to fetch and judge the keys of one issuer. */
export interface RemoteKeysOptions extends FetchOptions {
  readonly algorithms: readonly AcceptedAlgorithm[]
  /** Milliseconds since the epoch. */
  readonly now: () => number
  readonly emit?: Emit | undefined
  /** Default {@link defaultMaxStaleMs}. */
  readonly maxStaleMs?: number | undefined
  /** Default {@link cooldownMs}. */
  readonly cooldownMs?: number | undefined
}

/** The keys of one issuer and what is known of the attempts to fetch them. Times are milliseconds since the epoch. */
export interface KeyMemory {
  /** The last set that was fetched; how long it may be used is for {@link usableSet} to say. */
  set: KeySet | undefined
  fetchedAt: number
  freshUntil: number
  /** Until when a stale set is used without waiting. */
  graceUntil: number
  startedAt: number
  /** How many attempts have started, and how many have ended; attempts are told apart by number, not by the clock. */
  started: number
  ended: number
  /** The number of the last attempt whose answer counts as stale when it comes. */
  distrusted: number
  /** Failed attempts since the last that succeeded. */
  failures: number
  /** What went wrong with the last attempt, if it did. */
  error: KeySetError | undefined
  /** The attempt that is under way. It never rejects. */
  running: Promise<void> | undefined
}

/** A memory without keys. */
export function emptyMemory(): KeyMemory {
  const never = Number.NEGATIVE_INFINITY
  const times = { fetchedAt: never, freshUntil: never, graceUntil: never, startedAt: never }
  return {
    set: undefined,
    ...times,
    started: 0,
    ended: 0,
    distrusted: 0,
    failures: 0,
    error: undefined,
    running: undefined,
  }
}

/** The set, unless it is older than the hard limit. */
export function usableSet(memory: KeyMemory, options: RemoteKeysOptions, nowMs: number): KeySet | undefined {
  return nowMs < memory.fetchedAt + (options.maxStaleMs ?? defaultMaxStaleMs) ? memory.set : undefined
}

/** The milliseconds until another attempt may start: the cooldown, doubled for each failure in a row. */
export function waitMs(memory: KeyMemory, options: RemoteKeysOptions, nowMs: number): number {
  const pause = Math.min(maxRetryMs, (options.cooldownMs ?? cooldownMs) * 2 ** memory.failures)
  // A clock that was set back must not stop the attempts.
  return nowMs < memory.startedAt ? 0 : Math.max(0, memory.startedAt + pause - nowMs)
}

/** Joins the attempt that is under way, or starts one. Resolves when it has ended, whether or not it succeeded. */
export function refresh(memory: KeyMemory, options: RemoteKeysOptions): Promise<void> {
  memory.running ??= attempt(memory, options).finally(() => {
    memory.ended = memory.started
    memory.running = undefined
  })
  return memory.running
}

/**
 * Makes the set stale at once: it is used again only when an attempt that starts from now on brings it, or fails.
 */
export function distrust(memory: KeyMemory): void {
  memory.distrusted = memory.started
  memory.freshUntil = Number.NEGATIVE_INFINITY
  memory.graceUntil = Number.NEGATIVE_INFINITY
  // Not the cooldown of an attempt that is not believed.
  memory.startedAt = Number.NEGATIVE_INFINITY
}

async function attempt(memory: KeyMemory, options: RemoteKeysOptions): Promise<void> {
  const { algorithms, now } = options
  const start = now()
  memory.startedAt = start
  memory.started += 1
  const number = memory.started
  try {
    const { body, freshMs } = await fetchJwks(options)
    accept(memory, options, await parseKeySet(body, algorithms), { number, start, freshMs })
  } catch (error) {
    fail(memory, options, error, start)
  }
}

function accept(
  memory: KeyMemory,
  { iss, emit, now }: RemoteKeysOptions,
  next: KeySet,
  { number, start, freshMs }: { number: number; start: number; freshMs: number },
): void {
  const changed = next.fingerprint !== memory.set?.fingerprint
  // The same keys stay the same object, so verified tokens outlive a refresh that changes nothing.
  if (changed) memory.set = next
  memory.fetchedAt = start
  const trusted = number > memory.distrusted
  memory.freshUntil = trusted ? start + freshMs : start
  memory.graceUntil = trusted ? memory.freshUntil + graceMs : start
  memory.failures = 0
  memory.error = undefined
  const { keys, skipped, problems } = next
  emit?.({ type: 'jwks_loaded', iss, keys: keys.size, skipped, problems, changed, durationMs: now() - start })
}

function fail(memory: KeyMemory, options: RemoteKeysOptions, error: unknown, start: number): void {
  const { iss, emit, maxStaleMs = defaultMaxStaleMs } = options
  const failedAt = options.now()
  memory.failures += 1
  memory.graceUntil = failedAt + failedGraceMs
  const usableForMs = memory.set === undefined ? 0 : Math.max(0, memory.fetchedAt + maxStaleMs - failedAt)
  const known = error instanceof KeySetError ? error : new KeySetError('malformed', 'the answer cannot be read')
  memory.error = known
  const { reason, message: problem } = known
  emit?.({ type: 'jwks_failed', iss, reason, problem, usableForMs, durationMs: failedAt - start })
}
