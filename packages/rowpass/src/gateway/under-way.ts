/**
 * What each owner has under way: its requests, and the bytes of their bodies and unread answers. Where it is too much in
 * all, whoever holds most gives way, so that nobody keeps others from being served by not reading.
 */
import { Failure } from '../errors.ts'
import type { GatewayConfig } from './config.ts'
import { type Ending, lengthOfBody } from './contract/respond.ts'
import type { SqlRequest } from './http/receive.ts'

/** Limits of what may be under way. */
export interface UnderWayLimits {
  /** Bytes held for all owners. */
  readonly maxBytes: number
  /** Bytes held for one. */
  readonly maxOwnerBytes: number
  /** What an owner must have left of them before a statement is run whose answer may be large. */
  readonly answerRoomBytes: number
}

/** Counts bytes that are held for a request. Returns false, and counts nothing, when they are too many. */
export type Hold = (bytes: number) => boolean

/** The limits of a configuration. */
export function toUnderWayLimits({
  maxHeldBytes,
  maxResponseBytes,
}: Pick<GatewayConfig, 'maxHeldBytes' | 'maxResponseBytes'>): UnderWayLimits {
  const maxOwnerBytes = maxHeldBytes / 2
  return { maxBytes: maxHeldBytes, maxOwnerBytes, answerRoomBytes: Math.min(maxResponseBytes, maxOwnerBytes / 4) }
}

interface Owner {
  readonly name: string
  requests: number
  bytes: number
  /** Those of its requests that hold bytes. */
  readonly holding: Set<Entry>
}

interface Entry {
  readonly owner: Owner
  readonly request: Pick<SqlRequest, 'drop'>
  bytes: number
  /** Nothing is counted for it any more. */
  released: boolean
}

/** Every request under way, by whom it counts against. */
export class UnderWay {
  readonly #limits: UnderWayLimits
  readonly #owners = new Map<string, Owner>()
  #bytes = 0

  constructor(limits: UnderWayLimits) {
    this.#limits = limits
  }

  /**
   * Counts a request until the client has read the last of its answer, or has gone.
   *
   * @param maxRequests of this owner
   * @throws Failure `overloaded` when the owner has too many requests, or no room for an answer; it is counted all the same
   */
  enter(name: string, request: Pick<SqlRequest, 'drop' | 'onClose'>, maxRequests = Number.POSITIVE_INFINITY): Hold {
    const owner = this.#ownerOf(name)
    const entry: Entry = { owner, request, bytes: 0, released: false }
    owner.requests++
    request.onClose(() => this.#leave(entry))
    if (owner.requests > maxRequests) throw new Failure('overloaded', { detail: tooManyRequests })
    if (owner.bytes + this.#limits.answerRoomBytes > this.#limits.maxOwnerBytes) {
      throw new Failure('overloaded', { detail: tooManyBytes })
    }
    return (bytes) => this.#hold(entry, bytes)
  }

  #ownerOf(name: string): Owner {
    const known = this.#owners.get(name)
    if (known !== undefined) return known
    const owner: Owner = { name, requests: 0, bytes: 0, holding: new Set() }
    this.#owners.set(name, owner)
    return owner
  }

  #leave(entry: Entry): void {
    this.#release(entry)
    if (--entry.owner.requests === 0) this.#owners.delete(entry.owner.name)
  }

  #hold(entry: Entry, bytes: number): boolean {
    const { owner } = entry
    const room = owner.bytes + bytes <= this.#limits.maxOwnerBytes
    if (entry.released || !room || !this.#makeRoom(owner, bytes)) return false
    owner.holding.add(entry)
    owner.bytes += bytes
    entry.bytes += bytes
    this.#bytes += bytes
    return true
  }

  #release(entry: Entry): void {
    const { owner, bytes } = entry
    entry.released = true
    entry.bytes = 0
    owner.holding.delete(entry)
    owner.bytes -= bytes
    this.#bytes -= bytes
  }

  /** Drops what others hold, while they hold more than this owner would. */
  #makeRoom(owner: Owner, bytes: number): boolean {
    while (this.#bytes + bytes > this.#limits.maxBytes) {
      const most = [...this.#owners.values()].reduce((one, other) => (other.bytes > one.bytes ? other : one))
      if (most === owner || most.bytes <= owner.bytes + bytes) return false
      const largest = [...most.holding].reduce((one, other) => (other.bytes > one.bytes ? other : one))
      this.#release(largest)
      largest.request.drop()
    }
    return true
  }
}

/** Holds what an answer has by now, and not what an earlier call has counted of it, for another attempt at it too. */
export function holdAnswer(hold: Hold): Hold {
  let held = 0
  return (bytes) => {
    if (bytes <= held) return true
    const isHeld = hold(bytes - held)
    if (isHeld) held = bytes
    return isHeld
  }
}

/**
 * An answer that is held until the client has read it.
 * @param hold of {@link holdAnswer}
 * @throws Failure `answer_dropped` when there is no room for it; its statement was run
 */
export function held(ending: Ending, hold: Hold): Ending {
  if (!hold(lengthOfBody(ending.response))) throw new Failure('answer_dropped')
  return ending
}

const tooManyRequests = 'This identity has too many requests under way'
const tooManyBytes = 'This identity has too many bytes of answers that it has not read'
