/**
 * How many requests each owner has under way, so that nobody takes the memory of the gateway for himself.
 */

/** The counts of every owner with something under way. */
export interface UnderWay {
  /** Counts a request that arrives. Returns false when it is one too many; it is counted all the same, until it leaves. */
  arrive(owner: string): boolean
  leave(owner: string): void
}

/** @param maxPerOwner requests that one owner may have under way */
export function createUnderWay(maxPerOwner: number): UnderWay {
  const counts = new Map<string, number>()
  return {
    arrive(owner) {
      const count = (counts.get(owner) ?? 0) + 1
      counts.set(owner, count)
      return count <= maxPerOwner
    },
    leave(owner) {
      const count = (counts.get(owner) ?? 0) - 1
      if (count > 0) counts.set(owner, count)
      else counts.delete(owner)
    },
  }
}
