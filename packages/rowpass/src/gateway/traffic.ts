/**
 * How many bytes each owner moves: bodies that are read, and answers. Reading and writing them takes the one thread that serves
 * everybody, so whoever has moved a lot waits before the next request is read, and nobody else waits for them.
 */
import { LRUCache } from 'lru-cache'
import { Failure } from '../errors.ts'
import type { Abortable } from '../postgres/pool.ts'

/** Limits of the traffic. */
export interface TrafficLimits {
  /** Bytes a second that an owner may move in the long run; what two seconds allow may come at once. */
  readonly bytesPerSecond: number
  /** The longest wait; a request that would wait for longer is refused. */
  readonly maxWaitMs: number
}

/** The traffic of all owners. */
export interface Traffic {
  /**
   * Counts a body that is about to be read. Undefined where it may be read at once.
   *
   * @param bytes as announced, and no more than are read at most
   * @param signal ends the wait of a client that has gone
   * @throws Failure `overloaded`
   */
  admit(owner: string, bytes: number, signal?: Abortable): Promise<void> | undefined
  /** Counts bytes that were moved and not counted before; fewer than none were announced and did not come. Few do not count. */
  moved(owner: string, bytes: number): void
}

interface Usage {
  /** What has not drained yet, at the time `at` in milliseconds. */
  bytes: number
  at: number
}

/** An owner who is pushed out of the list is one that was silent for longest. */
const maxOwners = 10_000
const burstSeconds = 2
/** What is smaller costs the thread about as much as any request, of which there is another limit. */
const smallBytes = 64 * 1024

/** Makes an empty one. */
export function createTraffic({ bytesPerSecond, maxWaitMs }: TrafficLimits): Traffic {
  const usages = new LRUCache<string, Usage>({ max: maxOwners })

  function undrained(usage: Usage, now: number): number {
    return Math.max(usage.bytes - ((now - usage.at) * bytesPerSecond) / 1_000, 0)
  }

  function moved(owner: string, bytes: number): void {
    if (Math.abs(bytes) <= smallBytes) return
    const now = performance.now()
    const usage = usages.get(owner)
    usages.set(owner, { bytes: Math.max(bytes + (usage === undefined ? 0 : undrained(usage, now)), 0), at: now })
  }

  return {
    moved,
    admit(owner, bytes, signal) {
      const usage = usages.get(owner)
      const over = usage === undefined ? 0 : undrained(usage, performance.now()) - burstSeconds * bytesPerSecond
      const waitMs = (over / bytesPerSecond) * 1_000
      if (waitMs > maxWaitMs) {
        throw new Failure('overloaded', { detail: tooMuch, retryAfterSeconds: Math.ceil((waitMs - maxWaitMs) / 1_000) })
      }
      moved(owner, bytes)
      if (waitMs <= 0 || signal?.aborted === true) return undefined
      return new Promise((resolve) => {
        const timer = setTimeout(resolve, waitMs)
        const leave = () => {
          clearTimeout(timer)
          resolve()
        }
        signal?.addEventListener('abort', leave, { once: true })
      })
    },
  }
}

const tooMuch = 'This identity moves more bytes of requests and answers than it may'
