/**
 * Cancel requests over WebSocket. They need no login, only the key of a session.
 */
import { toNetwork } from '../../network.ts'
import { requestCancel, type Session } from '../../postgres/session.ts'
import type { CancelRequest } from './startup.ts'
import { createTally } from './tally.ts'

/** Passes a cancel request on to the server, or does nothing. */
export type Cancel = (request: CancelRequest, address: string | undefined) => void

/** Keys have 32 bits: who tries them from one address needs decades, in a time like {@link windowMs} for so many. */
const maxMisses = 100
const windowMs = 300_000

/**
 * Makes it. A key that no session here was given is not passed on: else anybody could try keys on the server.
 *
 * @param sessions those that may be cancelled, as they are at each request
 */
export function createCancel(sessions: () => Iterable<Session>, connectTimeoutMs: number): Cancel {
  const misses = createTally(maxMisses, windowMs)
  return ({ processID, secretKey }, address = '') => {
    const network = toNetwork(address)
    if (misses.waitMs(network, performance.now()) > 0) return
    for (const session of sessions()) {
      if (session.processID !== processID || session.secretKey !== secretKey) continue
      void requestCancel(session, connectTimeoutMs)
      return
    }
    misses.begin(network)
    misses.end(network, true, performance.now())
  }
}
