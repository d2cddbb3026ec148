/**
 * Shares the one thread between requests: work that keeps it busy is done piece by piece, and everybody else is served
 * in between.
 */

/** Resolves when it is the caller's turn; one turn for each round of the event loop, first come, first served. */
export type TakeTurn = () => Promise<void>

/** Makes a queue of turns. */
export function createTurns(): TakeTurn {
  let last: Promise<void> = Promise.resolve()
  return () => {
    last = last.then(() => new Promise((resolve) => setImmediate(resolve)))
    return last
  }
}
