/**
 * Failures by key, as many as a limit within a time; they are forgotten one by one. Bounded in memory.
 */
import { LRUCache } from 'lru-cache'

/** Counts failures, and those who may become one. Times are milliseconds of one clock. */
export interface Tally {
  /** How long until one more may fail, whoever is under way; 0 when it may now. */
  waitMs(key: string, now: number): number
  /** Whether one more may fail even if all fail that are under way. */
  hasRoom(key: string, now: number): boolean
  begin(key: string): void
  end(key: string, failed: boolean, now: number): void
}

/** One that is at its limit takes as many attempts to push out as there are keys, and they count as well. */
const maxKeys = 10_000

interface Count {
  underWay: number
  /** When its last failure is forgotten; the ones before go earlier, at even distances. */
  emptyAt: number
}

/**
 * Makes a tally.
 * @param limit failures that one key may have within `windowMs`; one more may come after each `windowMs / limit`
 */
export function createTally(limit: number, windowMs: number): Tally {
  const counts = new LRUCache<string, Count>({ max: maxKeys })
  const distanceMs = windowMs / limit
  /** One more may fail up to here. The thousandth is for sums of fractions. */
  const maxMs = windowMs - distanceMs * 0.999

  function countOf(key: string): Count {
    const known = counts.get(key)
    if (known !== undefined) return known
    const count = { underWay: 0, emptyAt: 0 }
    counts.set(key, count)
    return count
  }

  return {
    waitMs(key, now) {
      return Math.max((counts.get(key)?.emptyAt ?? 0) - now - maxMs, 0)
    },
    hasRoom(key, now) {
      const { underWay = 0, emptyAt = 0 } = counts.get(key) ?? {}
      return Math.max(emptyAt - now, 0) + underWay * distanceMs <= maxMs
    },
    begin(key) {
      countOf(key).underWay++
    },
    end(key, failed, now) {
      const count = countOf(key)
      count.underWay = Math.max(count.underWay - 1, 0)
      if (failed) count.emptyAt = Math.max(count.emptyAt, now) + distanceMs
    },
  }
}
