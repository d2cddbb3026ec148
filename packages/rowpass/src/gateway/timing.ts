/**
 * How long each step of one request took, for `Server-Timing` (W3C). Told only where ROWPASS_SERVER_TIMING says so: how long a
 * statement takes depends on rows that it does not return.
 */

/** The steps, in their order. */
export type TimedStep = 'verify' | 'seal' | 'judge' | 'queue' | 'postgres' | 'answer'

/** The times of one request. */
export interface Timing {
  /** Ends a step at `at`, milliseconds of the monotonic clock, or now; the next one begins there. */
  end(step: TimedStep, at?: number): void
  /** Ends it, and gives the header's text, with all that was ended and the `total`. */
  toHeader(): string
}

/** Begins with the first step. */
export function createTiming(startedAt: number): Timing {
  const entries: string[] = []
  let last = startedAt
  return {
    end(step, at = performance.now()) {
      entries.push(entry(step, at - last))
      last = at
    },
    toHeader: () => [...entries, entry('total', performance.now() - startedAt)].join(', '),
  }
}

function entry(name: string, ms: number): string {
  return `${name};dur=${Math.max(0, ms).toFixed(3)}`
}
