/**
 * What to send again for a request that failed, if anything.
 */
import type { Flight, Work } from './flight.ts'
import { isDoubtful, isForgotten, isOutdated } from './outgoing.ts'
import { slowMs } from './pace.ts'

/**
 * The work to send again, or undefined when the error is the answer.
 *
 * - An identity that the database does not remember is sent again as a whole.
 * - An outdated plan, or one whose parameters have types from before a migration, leaves nothing done.
 * - A statement that failed may have had such types: it runs again unless the schema is still the same.
 * - A cancelled request is rolled back whole: one that was in the way of others, or that was struck by a cancel request
 *   meant for another. Alone on its connection it cannot be struck again.
 * - A request whose connection broke, if it only reads, or nothing that it did can have been committed. Not one that had
 *   been running for some time: it may be what the session was ended for.
 *
 * @param displaced whether it was to get out of the way; then the next time is the last, as a slow one
 */
export function resend(flight: Flight, displaced: boolean): Work | undefined {
  const { work, error, lost, startedAt, step, usedVersion } = flight
  if (isOutdated(flight)) return withoutPlans(work)
  if (isForgotten(flight)) return work
  if (usedVersion !== undefined && isDoubtful(flight)) return { ...withoutPlans(work), unlessVersion: usedVersion }
  if (lost !== undefined && error?.kind === 'failure') {
    const ranMs = startedAt === 0 ? 0 : performance.now() - startedAt
    // A function may have done what no rollback undoes.
    const harmless = work.reset ? lost === 'undone' && step === 0 : lost === 'undone' || work.readOnly === true
    if (!harmless || ranMs >= slowMs || error.code !== 'database_unavailable') return undefined
    // Which one of a group was at fault is not known.
    return flight.group === undefined ? work : { ...work, exclusive: true }
  }
  if (error?.kind !== 'postgres' || error.error.code !== '57014') return undefined
  if (displaced && flight.lane !== 'slow') return work
  return !flight.cancelled && flight.cancelStruck ? { ...work, exclusive: true } : undefined
}

function withoutPlans({ unlessVersion: _, ...work }: Work): Work {
  return { ...work, statements: work.statements.map((statement) => ({ ...statement, prepare: false })) }
}
