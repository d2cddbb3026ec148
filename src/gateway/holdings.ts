/**
 * Bytes of bodies and unread answers that the gateway holds, for each owner and in all. Where it is too much, whoever holds
 * most gives way, so that nobody keeps others from being served by not reading.
 */

/** What may be held, in bytes. */
export interface HoldingLimits {
  readonly maxBytes: number
  readonly maxOwnerBytes: number
}

/** What is held for every request under way. */
export interface Holdings {
  /**
   * Begins to count for a request.
   * @param drop takes the memory away, at once; whoever waits for the request loses it
   */
  open(owner: string, drop: () => void): Holding
}

/** What is held for one request. */
export interface Holding {
  /** Whether its owner may be given as much again. */
  hasRoomFor(bytes: number): boolean
  /** Counts more bytes. Returns false, and counts nothing, when they are too many. */
  add(bytes: number): boolean
  /** All of it is let go. */
  close(): void
}

interface Held extends Holding {
  readonly drop: () => void
  bytes: number
  closed: boolean
}

interface Owner {
  readonly held: Set<Held>
  bytes: number
}

/** Makes an empty account. */
export function createHoldings({ maxBytes, maxOwnerBytes }: HoldingLimits): Holdings {
  const owners = new Map<string, Owner>()
  let total = 0

  function open(name: string, drop: () => void): Holding {
    const held: Held = {
      drop,
      bytes: 0,
      closed: false,
      hasRoomFor: (bytes) => (owners.get(name)?.bytes ?? 0) + bytes <= maxOwnerBytes,
      add(bytes) {
        if (held.closed || !held.hasRoomFor(bytes) || !makeRoom(name, bytes)) return false
        const owner = owners.get(name) ?? { held: new Set(), bytes: 0 }
        owners.set(name, owner)
        owner.held.add(held)
        owner.bytes += bytes
        held.bytes += bytes
        total += bytes
        return true
      },
      close() {
        held.closed = true
        const owner = owners.get(name)
        if (owner === undefined || !owner.held.delete(held)) return
        owner.bytes -= held.bytes
        total -= held.bytes
        held.bytes = 0
        if (owner.held.size === 0) owners.delete(name)
      },
    }
    return held
  }

  /** Drops what others hold, while they hold more than this owner would. */
  function makeRoom(name: string, bytes: number): boolean {
    const mine = (owners.get(name)?.bytes ?? 0) + bytes
    while (total + bytes > maxBytes) {
      const [most, owner] = [...owners].reduce((one, other) => (other[1].bytes > one[1].bytes ? other : one))
      if (most === name || owner.bytes <= mine) return false
      const largest = [...owner.held].reduce((one, other) => (other.bytes > one.bytes ? other : one))
      largest.close()
      largest.drop()
    }
    return true
  }

  return { open }
}
