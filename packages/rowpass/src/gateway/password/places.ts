/**
 * The sessions of database users with a password, those over HTTP and those over WebSocket together: how many there may be
 * at once, and who waits for one.
 */
import { Failure } from '../../errors.ts'
import type { Abortable } from '../../postgres/pool.ts'

/** Limits of the sessions and of the waiting. */
export interface PlacesOptions {
  readonly size: number
  /** Those that one owner may have. */
  readonly maxPerOwner: number
  /** Who comes when so many wait pushes out the last one of the owner who has the most waiting, or is refused as that owner. */
  readonly maxWaiting: number
  readonly maxWaitMs: number
}

/** The sessions of one gateway. */
export interface Places {
  /**
   * Waits for a place and takes it. Owners have their turns one after the other, so that nobody waits for all that another
   * has sent.
   *
   * @param signal aborted when the client goes away
   * @returns gives the place back; a second call has no effect
   * @throws Failure `overloaded`
   */
  take(owner: string, signal?: Abortable): Promise<() => void>
}

interface Waiter {
  start(): void
  refuse(detail: string): void
}

/** Makes the places, all of them free. */
export function createPlaces({ size, maxPerOwner, maxWaiting, maxWaitMs }: PlacesOptions): Places {
  let taken = 0
  const takenBy = new Map<string, number>()
  let waitingInAll = 0
  /** By owner, the one whose turn is next first. */
  const waiting = new Map<string, Waiter[]>()

  function remove(owner: string, waiter: Waiter): boolean {
    const line = waiting.get(owner) ?? []
    const index = line.indexOf(waiter)
    if (index < 0) return false
    line.splice(index, 1)
    if (line.length === 0) waiting.delete(owner)
    waitingInAll--
    return true
  }

  function isFreeFor(owner: string): boolean {
    return taken < size && (takenBy.get(owner) ?? 0) < maxPerOwner
  }

  function placeFor(owner: string): () => void {
    taken++
    takenBy.set(owner, (takenBy.get(owner) ?? 0) + 1)
    let given = false
    return () => {
      if (given) return
      given = true
      taken--
      const left = (takenBy.get(owner) ?? 0) - 1
      if (left > 0) takenBy.set(owner, left)
      else takenBy.delete(owner)
      startNext()
    }
  }

  function startNext(): void {
    for (const [owner, line] of waiting) {
      const [first] = line
      if (first === undefined || !isFreeFor(owner)) continue
      remove(owner, first)
      // To the end of the round.
      if (line.length > 0) {
        waiting.delete(owner)
        waiting.set(owner, line)
      }
      first.start()
      return
    }
  }

  /** Makes room for one more of this owner; false where it has the most waiting itself. */
  function makeRoom(owner: string): boolean {
    if (waitingInAll < maxWaiting) return true
    const [largest] = [...waiting].sort(([, one], [, other]) => other.length - one.length)
    if (largest === undefined || largest[1].length <= (waiting.get(owner)?.length ?? 0)) return false
    largest[1].at(-1)?.refuse(tooMany)
    return true
  }

  function wait(owner: string, signal: Abortable | undefined): Promise<() => void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => waiter.refuse('no session with a password came free in time'), maxWaitMs)
      const waiter: Waiter = {
        start() {
          clearTimeout(timer)
          resolve(placeFor(owner))
        },
        refuse(detail) {
          if (!remove(owner, waiter)) return
          clearTimeout(timer)
          reject(new Failure('overloaded', { detail }))
        },
      }
      const line = waiting.get(owner)
      if (line === undefined) waiting.set(owner, [waiter])
      else line.push(waiter)
      waitingInAll++
      const leave = (): void => waiter.refuse('the client has gone')
      if (signal?.aborted) leave()
      else signal?.addEventListener('abort', leave, { once: true })
    })
  }

  return {
    async take(owner, signal) {
      // Whoever waits while there is a place has as many as one owner may have, and is not passed by.
      if (isFreeFor(owner)) return placeFor(owner)
      if (!makeRoom(owner)) throw new Failure('overloaded', { detail: tooMany })
      return wait(owner, signal)
    },
  }
}

const tooMany = 'too many sessions with a password'
