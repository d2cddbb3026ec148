/**
 * Where a key ring is kept, in a file or in PostgreSQL: what those who sign with it share, and what its owner changes.
 */
import { jwksMaxAgeSeconds } from '../../token/jwks.ts'
import type { GeneratedKey, PublicJwk } from '../../token/key.ts'
import { defaultTtlSeconds } from '../../token/token-limits.ts'
import type { Ring, RingTiming } from './ring.ts'

/** How many tokens of one key are signed that expire in one minute, and what the longest lifetime is. */
export interface KeyUse {
  /** Undefined for the key that signs when the note arrives. */
  readonly kid: string | undefined
  /** Minutes since the epoch, rounded up: at its end the tokens have expired. */
  readonly expiresMinute: number
  readonly tokens: number
  readonly longestTtlSeconds: number
}

/** A ring as an instance copies it from where it is kept. */
export interface RingCopy {
  readonly timing: RingTiming
  readonly published: readonly PublicJwk[]
  /** The key that signs; undefined when the ring has none. */
  readonly active: { readonly kid: string; readonly longestTtlSeconds: number } | undefined
}

/** A ring as the instances have it that sign with it: in PostgreSQL, `rowpass_issuer` may do no more. */
export interface SharedRing {
  /**
   * Notes what was signed, and copies the ring as it is afterwards. A note that is refused, because its key is gone, is
   * dropped.
   */
  exchange(uses: readonly KeyUse[]): Promise<RingCopy>
  /** The private half of a published key, as a JWK. */
  privateJwk(kid: string): Promise<unknown>
}

/** A ring with what belongs to it, at one time. */
export interface StoredRing {
  readonly ring: Ring
  /** The clock of the store: every step is judged by it. */
  readonly nowMs: number
  /** Tokens that were signed and have not expired, by `kid`; a key without any may be missing. */
  readonly tokensInUse: ReadonlyMap<string, number>
  /** The name of the encryption key by `kid`, where private keys are encrypted. */
  readonly wrappedUnder: ReadonlyMap<string, string>
}

/** What one change makes of a ring. */
export interface RingChange {
  readonly ring: Ring
  /** Keys that are new in the ring. */
  readonly made?: readonly GeneratedKey[]
}

/** The whole store of a ring, as its owner has it. */
export interface RingStore extends SharedRing {
  /** For a person: where the ring is, without a secret. */
  readonly says: string
  /** Whether it is a file, which may also be somebody's secret elsewhere. */
  readonly inFile: boolean
  read(): Promise<StoredRing>
  /**
   * Changes the ring, alone: others wait, and see either what was or what becomes of it. A key that goes loses its
   * private half; whatever else happens, none is lost. What `work` throws leaves everything as it was.
   *
   * @throws Failure `key_ring_busy` when others do not let go of it in time
   * @throws Failure `key_locked` when a key is put in or let sign, by no revocation, and the encryption keys are not those
   *   of the keys that are there
   */
  change(work: (ring: Ring, nowMs: number) => Promise<RingChange>): Promise<StoredRing>
  /**
   * Puts every private key under the first of the encryption keys.
   *
   * @returns the kids of the keys that were under another
   * @throws Failure `key_locked` when one is under a key that is not there; then nothing is changed
   */
  rewrap(): Promise<readonly string[]>
}

/** The timing of a new ring, unless it is told otherwise. */
export const defaultTiming: RingTiming = {
  jwksMaxAgeSeconds,
  lagSeconds: 5,
  // 30 s for which the gateway accepts a token after its expiry, and 30 s by which clocks may differ.
  skewSeconds: 60,
  ttlSeconds: defaultTtlSeconds,
}
