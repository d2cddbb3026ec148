/**
 * What waits for one thread. Next is the oldest of whoever has used the least of the thread's time lately, and nobody may
 * use more than a budget: many requests of one owner, or a few that take long, keep nobody else waiting.
 */
import { LRUCache } from 'lru-cache'
import { Failure } from '../../errors.ts'

/** Limits of a queue. */
export interface BudgetQueueLimits {
  /** Entries that may wait. When there are more, whoever has most of them loses the newest. */
  readonly maxWaiting: number
  /** Milliseconds of the thread's time that an owner may use at once. */
  readonly budgetMs: number
  /** How many of them are forgotten each second. */
  readonly regainedMsPerSecond: number
}

/** Something that waits; it is either taken or refused, once. */
export interface Waiting {
  readonly owner: string
  refuse(failure: Failure): void
}

/** The queue. */
export interface BudgetQueue<T extends Waiting> {
  readonly size: number
  /** Adds an entry, or refuses one: with `overloaded`. */
  add(entry: T): void
  take(): T | undefined
  /** Takes account of time that an owner has used. */
  spend(owner: string, ms: number): void
  /** Takes out and refuses every entry of which something holds. */
  refuseIf(holds: (entry: T) => boolean, failure: Failure): void
}

/** An owner who is pushed out of the list is one that was silent for longest. */
const maxOwners = 10_000

interface Usage {
  /** What is not forgotten yet, at the time `at`, both in milliseconds. */
  ms: number
  at: number
}

/** Makes an empty queue. */
export function createBudgetQueue<T extends Waiting>(limits: BudgetQueueLimits): BudgetQueue<T> {
  const waiting = new Map<string, T[]>()
  const usages = new LRUCache<string, Usage>({ max: maxOwners })
  let size = 0

  function usedMs(owner: string, now: number): number {
    const usage = usages.get(owner)
    if (usage === undefined) return 0
    return Math.max(usage.ms - ((now - usage.at) * limits.regainedMsPerSecond) / 1_000, 0)
  }

  /** Whether an owner is over the budget: then the entry is refused. */
  function isSpent(entry: T): boolean {
    const overMs = usedMs(entry.owner, performance.now()) - limits.budgetMs
    if (overMs <= 0) return false
    const retryAfterSeconds = Math.ceil(overMs / limits.regainedMsPerSecond)
    entry.refuse(new Failure('overloaded', { detail: budgetSpent, retryAfterSeconds }))
    return true
  }

  function remove(owner: string, entries: T[], index: number): T | undefined {
    const [entry] = entries.splice(index, 1)
    size--
    if (entries.length === 0) waiting.delete(owner)
    return entry
  }

  function refuseNewestOfMost(): void {
    const [most] = [...waiting].sort(([, one], [, other]) => other.length - one.length)
    if (most === undefined) return
    const [owner, entries] = most
    remove(owner, entries, entries.length - 1)?.refuse(new Failure('overloaded', { detail: queueFull }))
  }

  function takeNext(): T | undefined {
    const now = performance.now()
    let next: [owner: string, entries: T[]] | undefined
    let least = Number.POSITIVE_INFINITY
    for (const candidate of waiting) {
      const used = usedMs(candidate[0], now)
      if (used >= least) continue
      least = used
      next = candidate
    }
    return next === undefined ? undefined : remove(next[0], next[1], 0)
  }

  return {
    get size() {
      return size
    },
    add(entry) {
      if (isSpent(entry)) return
      const entries = waiting.get(entry.owner)
      if (entries === undefined) waiting.set(entry.owner, [entry])
      else entries.push(entry)
      size++
      if (size > limits.maxWaiting) refuseNewestOfMost()
    },
    take() {
      for (let entry = takeNext(); entry !== undefined; entry = takeNext()) if (!isSpent(entry)) return entry
      return undefined
    },
    spend(owner, ms) {
      const now = performance.now()
      usages.set(owner, { ms: usedMs(owner, now) + ms, at: now })
    },
    refuseIf(holds, failure) {
      for (const [owner, entries] of [...waiting]) {
        for (const entry of entries.filter(holds)) {
          remove(owner, entries, entries.indexOf(entry))
          entry.refuse(failure)
        }
      }
    },
  }
}

const budgetSpent = 'This identity has used up its time for new statements, large bodies and large results'
const queueFull = 'Too many requests wait to be read'
