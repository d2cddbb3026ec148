/**
 * Confirmations of changes: what a statement would change, signed by the gateway, for whoever asked and for nobody else.
 */
import { createHmac, hkdfSync, randomBytes, timingSafeEqual } from 'node:crypto'
import { LRUCache } from 'lru-cache'
import { Failure } from '../../errors.ts'
import type { SealKey } from '../../seal/seal.ts'

/** What a confirmation is good for. */
export interface Confirmed {
  readonly sql: string
  readonly params: readonly unknown[]
  /** Whoever asked: equal for each of their tokens, and for nobody else. */
  readonly identity: string
}

/** Makes and takes confirmations. */
export interface Confirmations {
  /** @param rows how many rows the statement would change */
  issue(confirmed: Confirmed, rows: number): string
  /**
   * Takes a confirmation, which is used up.
   * @returns how many rows it was confirmed for
   * @throws Failure `confirmation_invalid`
   */
  redeem(text: string, confirmed: Confirmed): number
}

/** For how long a confirmation is good, in seconds. */
export const confirmationSeconds = 120
/**
 * Those that were used, until they have expired. A gateway knows its own only, and of more than this the oldest is forgotten:
 * used twice it does what another dry run would allow as well.
 */
const maxUsed = 10_000
const macBytes = 32

/**
 * Makes them.
 * @param keys the seal keys, of which the first one signs. Gateways that share them take each other's confirmations
 * @param now milliseconds since the epoch
 */
export function createConfirmations(keys: readonly SealKey[], now: () => number = Date.now): Confirmations {
  const derived = keys.map(({ secret }) => Buffer.from(hkdfSync('sha256', secret, '', 'rowpass mcp confirmation', 32)))
  const used = new LRUCache<string, true>({ max: maxUsed })

  const macOf = (key: Buffer, head: string, { identity, sql, params }: Confirmed): Buffer =>
    createHmac('sha256', key)
      .update(JSON.stringify([head, identity, sql, params]))
      .digest()

  return {
    issue(confirmed, rows) {
      const [key] = derived
      if (key === undefined) throw new TypeError('there is no seal key')
      const until = Math.floor(now() / 1000) + confirmationSeconds
      const head = `${until}.${rows}.${randomBytes(9).toString('base64url')}`
      return `${head}.${macOf(key, head, confirmed).toString('base64url')}`
    },
    redeem(text, confirmed) {
      const [, head = '', until, rows, mac = ''] = /^((\d{1,12})\.(\d{1,9})\.[\w-]{12})\.([\w-]{43})$/.exec(text) ?? []
      const given = Buffer.from(mac, 'base64url')
      const isOurs = derived.some(
        (key) => given.length === macBytes && timingSafeEqual(given, macOf(key, head, confirmed)),
      )
      if (!isOurs || Number(until) * 1000 <= now() || used.has(head)) throw new Failure('confirmation_invalid')
      used.set(head, true)
      return Number(rows)
    },
  }
}
