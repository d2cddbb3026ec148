/**
 * Who has how much under way, so that nobody can keep the others waiting.
 */

/** What an owner may have at once. */
export interface OwnerLimits {
  /** Connections of the pool. */
  readonly size: number
  /** Requests that one owner may have under way, waiting ones included. */
  readonly maxPerOwner: number
}

/** The counts of every owner with something under way. */
export interface Owners {
  /** Counts a request that arrives. Returns false when it is one too many; it is counted all the same, until it leaves. */
  arrive(owner: string): boolean
  leave(owner: string): void
  /** Whether one more request that is not known to be quick may go to the server. */
  mayOccupy(owner: string): boolean
  occupy(owner: string): void
  release(owner: string): void
}

/** For how long an owner must have been alone to have every connection. */
const sharedMs = 60_000

interface Arrival {
  readonly owner: string
  /** Milliseconds of the monotonic clock. */
  readonly at: number
}

/**
 * Makes the counts.
 *
 * Requests that are not quick leave one connection to others, where there is more than one, and if any other owner has
 * been seen lately. An owner alone has every connection.
 */
export function createOwners({ size, maxPerOwner }: OwnerLimits): Owners {
  const underWay = new Map<string, number>()
  const occupied = new Map<string, number>()
  let latest: Arrival = { owner: '', at: Number.NEGATIVE_INFINITY }
  /** The latest before it that was another's. */
  let latestOther = latest

  return {
    arrive(owner) {
      if (latest.owner !== owner) latestOther = latest
      latest = { owner, at: performance.now() }
      return add(underWay, owner, 1) <= maxPerOwner
    },
    leave: (owner) => void add(underWay, owner, -1),
    mayOccupy(owner) {
      const other = latest.owner === owner ? latestOther : latest
      const kept = performance.now() - other.at < sharedMs ? 1 : 0
      return (occupied.get(owner) ?? 0) < Math.max(1, size - kept)
    },
    occupy: (owner) => void add(occupied, owner, 1),
    release: (owner) => void add(occupied, owner, -1),
  }
}

function add(counts: Map<string, number>, owner: string, change: number): number {
  const changed = (counts.get(owner) ?? 0) + change
  if (changed === 0) counts.delete(owner)
  else counts.set(owner, changed)
  return changed
}
