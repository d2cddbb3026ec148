/**
 * What has been started, in order, so that it can be ended in the other order.
 */
import type { Failure } from 'rowpass'

/** One thing that was started. */
export interface Rung {
  /** Ends it. */
  down(): Promise<void>
  /** Resolves when it ended without being asked, with what to say about that. */
  readonly ended?: Promise<Failure>
}

/** Everything that was started. */
export interface Ladder {
  add(rung: Rung): void
  /** Resolves with the first thing that ended without being asked. */
  readonly broken: Promise<Failure>
  /** Ends everything, the last thing first. Returns the errors of what did not end as it should; all others have ended. */
  down(): Promise<readonly unknown[]>
}

/** Makes an empty ladder. */
export function createLadder(): Ladder {
  const rungs: Rung[] = []
  let report: (failure: Failure) => void = () => undefined
  const broken = new Promise<Failure>((resolve) => {
    report = resolve
  })
  return {
    broken,
    add(rung) {
      rungs.push(rung)
      void rung.ended?.then(report)
    },
    async down() {
      const errors: unknown[] = []
      for (const rung of rungs.splice(0).reverse()) await rung.down().catch((error) => errors.push(error))
      return errors
    },
  }
}
