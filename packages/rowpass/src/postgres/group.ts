/**
 * Requests that share one Sync. Each is a transaction of its own, `BEGIN, envelope, statement, COMMIT`; the server sends what
 * it has to say about all of them at once, which saves it a write, and the gateway a wake-up, for each but the last.
 *
 * Only requests that change nothing and are known to be quick. Another's would have its answer wait for a disk, or leave open
 * whether it was committed when the connection breaks. After an error the server passes over the rest of a group.
 */
import { type Flight, leadingSteps } from './flight.ts'
import { type Paced, quickMs } from './pace.ts'

/** An answer waits for its whole group: a request that takes longer by the server's clock keeps its own Sync. */
const maxUsualMs = 1
/** Sum of what the requests of a group usually take. */
const maxGroupMs = quickMs

/** Whether a request that is taken for a quick one may share its Sync. */
export function isGroupable({ work, usual }: Paced): boolean {
  // On a busy machine the way there and back takes longer than any quick statement, and only a group is measured without.
  if (usual === undefined || (usual.exact && usual.ms > maxUsualMs)) return false
  const { readOnly, identity, begin, unlessVersion } = work
  // By the answer of the envelope the time of each is told from the others'.
  return readOnly === true && identity !== undefined && begin === undefined && unlessVersion === undefined
}

/** What goes out next. */
export interface Arrangement {
  /** Each with its own Sync. */
  readonly apart: readonly Flight[]
  /** Two or more with one Sync, or none. */
  readonly group: readonly Flight[]
  /** Those that wait until the group has ended. */
  readonly later: readonly Flight[]
}

/**
 * Arranges requests that wait, the oldest first: a group has those that can share a Sync, and waits for what arrived before
 * the first of them only.
 * @param grouping whether any of them may share one here
 */
export function arrange(waiting: readonly Flight[], grouping: boolean): Arrangement {
  const apart: Flight[] = []
  const group: Flight[] = []
  const later: Flight[] = []
  let leftMs = maxGroupMs
  for (const flight of waiting) {
    const { usualMs } = flight
    if (grouping && usualMs !== undefined && usualMs <= leftMs) {
      group.push(flight)
      leftMs -= usualMs
    } else if (group.length === 0) apart.push(flight)
    else later.push(flight)
  }
  if (group.length < 2) return { apart: waiting, group: [], later: [] }
  for (const [index, flight] of group.entries()) {
    flight.group = group
    flight.behind = group.length - 1 - index
  }
  return { apart, group, later }
}

/** Whether the server has committed a request of a group. */
export function isCommitted(flight: Flight): boolean {
  const { work, step, usedVersion } = flight
  return step === leadingSteps(flight) + work.statements.length + (usedVersion === undefined ? 0 : 1) + 1
}

/**
 * Milliseconds that a request of a group took, by the server's clock.
 * @param next the one after it, which has begun; undefined where it has not: then it is the time until now
 */
export function timeInGroup({ group, beganAt }: Flight, next: Flight | undefined): number {
  const first = group?.[0]
  if (first?.beganAt === undefined || beganAt === undefined) return 0
  if (next?.beganAt !== undefined) return Math.max(0, next.beganAt - beganAt) / 1_000
  return Math.max(0, performance.now() - first.startedAt - (beganAt - first.beganAt) / 1_000)
}
