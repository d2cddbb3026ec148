/**
 * Which requests are quick, learnt from those with the same text: others may wait behind one on its connection.
 */
import { LRUCache } from 'lru-cache'
import type { Flight, Work } from './flight.ts'

/** Requests with this text usually take less than this, so that others may wait behind one. */
export const quickMs = 5
/**
 * What one request weighs in the usual time for its text. A slower one weighs less: on a busy machine a quick request
 * often waits for the processor, and must not be taken for a slow one, because those do not share a connection.
 */
const quickerWeight = 0.2
const slowerWeight = 0.02
const maxKnownTexts = 5_000
/** Sum of the texts, in UTF-16 units. */
const maxKnownLength = 4 * 1024 * 1024

/** What is known of texts. */
export interface Pace {
  /** Whether a request with this work may be waited for: one statement whose text has been quick so far. */
  isQuick(work: Work): boolean
  /** Takes account of a request that has ended. */
  learn(flight: Flight): void
}

/** Knows nothing at first: the first request with a text has a connection for itself. */
export function createPace(): Pace {
  /** Usual milliseconds from being the oldest on a connection to the end, by text of the statement. */
  const usualMs = new LRUCache<string, number>({
    max: maxKnownTexts,
    maxSize: maxKnownLength,
    sizeCalculation: (_, sql) => sql.length + 1,
  })
  return {
    isQuick({ exclusive, statements }) {
      return !exclusive && (usualMs.get(statements[0]?.sql ?? '') ?? Number.POSITIVE_INFINITY) < quickMs
    },
    learn({ work, startedAt, error }) {
      const sql = work.statements[0]?.sql
      if (work.exclusive || sql === undefined || (error !== undefined && error.kind !== 'postgres')) return
      const tookMs = performance.now() - startedAt
      const before = usualMs.get(sql) ?? tookMs
      usualMs.set(sql, before + (tookMs - before) * (tookMs < before ? quickerWeight : slowerWeight))
    },
  }
}
