/**
 * A key ring as a {@link KeySource}: one that is kept elsewhere and copied for a bounded time, or one that is fixed in the
 * configuration of the instance.
 */
import { Failure } from '../../errors.ts'
import { toJwks } from '../../token/jwks.ts'
import { importSigningKey, type SigningKey } from '../../token/key.ts'
import type { KeySource } from '../../token/key-source.ts'
import { defaultTtlSeconds } from '../../token/token-limits.ts'
import type { SqlDatabase } from '../sql-database.ts'
import { parseEncryptionKeys } from './encryption.ts'
import { createSharedRing } from './postgres.ts'
import { activeKey, publishedKeys } from './ring.ts'
import type { KeyUse, RingCopy, SharedRing } from './ring-store.ts'
import { type PrivateRing, parseKeyRing } from './text.ts'

/** Where a ring is, and what it takes to use it. */
export type KeyRingOptions =
  /** The content of a ring file, such as a Worker secret. */
  | { readonly text: string }
  | {
      /** As `rowpass_issuer`. */
      readonly db: SqlDatabase
      /** What private keys are encrypted under, the first one for new keys: `name:secret[,name:secret…]`. A secret. */
      readonly encryptionKeys: string
    }

/**
 * Makes the key source of an issuer whose keys are a ring: the operator rotates them with `rowpass keys`.
 *
 * Does NOT reach the database before a key is asked for.
 *
 * @throws Failure `key_invalid` for a text that is no ring, `config_invalid` for encryption keys that are none; neither
 *   quotes what it was given
 * @example
 * const { KEY_ENCRYPTION_KEYS: encryptionKeys = '' } = process.env
 * const keys = await createKeyRing({ db, encryptionKeys })
 */
export async function createKeyRing(options: KeyRingOptions): Promise<KeySource> {
  if ('text' in options) return fixedRing(await parseKeyRing(options.text))
  return createRingSource(createSharedRing(options.db, await parseEncryptionKeys(options.encryptionKeys)))
}

/** What is taken from outside. */
export interface RingSourceOptions {
  /** Milliseconds that never jump. Default `performance.now`; on Workers it stands still within a request, which is safe. */
  readonly now?: () => number
  /** Milliseconds since the epoch, also while the machine sleeps. Default `Date.now`. */
  readonly wallClock?: () => number
}

/** The most counters that wait for the next exchange; one more makes the exchange come at once. */
const maxPendingUses = 64
/**
 * How long one request waits for what another has begun. On Workers, work ends with the request that began it, and nobody
 * hears of that.
 */
const patienceMs = 2_000
/** How often a note is repeated while keys change places. */
const maxAttempts = 3

/**
 * Signs and publishes with a ring that is kept elsewhere.
 *
 * A copy is used for the ring's lag and no longer: without a new one, nothing is signed or published. A token that lives
 * longer than any before is noted before its key is handed out. Tokens are counted when their key is handed out; counts
 * go to the ring with the next exchange, so those since the last one are lost when the instance ends. Requests that come
 * together without a copy make one exchange, and read a private key once.
 */
export function createRingSource(ring: SharedRing, options: RingSourceOptions = {}): KeySource {
  const { now = () => performance.now(), wallClock = Date.now } = options
  const pending = new Map<string, KeyUse>()
  /** The key that was imported last, or is being imported: a ring has one key that signs. */
  let imported: { readonly kid: string; readonly key: Promise<SigningKey>; ready: boolean } | undefined
  /** The exchange under way that brings the next copy. */
  let bringing: Promise<RingCopy> | undefined
  let copy: (RingCopy & { readonly until: number; readonly wallClockStarted: number }) | undefined

  function exchange(extra: readonly KeyUse[] = []): Promise<RingCopy> {
    const mine = exchangeNow(extra).finally(() => {
      if (bringing === mine) bringing = undefined
    })
    bringing ??= mine
    return mine
  }

  /** The copy that another request has asked for, where there is none yet; fails as that one does. */
  function copyOfOther(): Promise<void> | undefined {
    return current() !== undefined || bringing === undefined ? undefined : comes(bringing)
  }

  async function comes(theirs: Promise<RingCopy>): Promise<void> {
    const came = await isInTime(theirs)
    if (!came && bringing === theirs) bringing = undefined
  }

  async function exchangeNow(extra: readonly KeyUse[]): Promise<RingCopy> {
    const [started, wallClockStarted] = [now(), wallClock()]
    const uses = [...pending.values()]
    pending.clear()
    try {
      const fresh = await ring.exchange([...uses, ...extra])
      copy = { ...fresh, until: started + fresh.timing.lagSeconds * 1000, wallClockStarted }
      return fresh
    } catch (error) {
      for (const use of uses) count(use)
      throw error
    }
  }

  function current(): RingCopy | undefined {
    if (copy === undefined || pending.size >= maxPendingUses) return undefined
    // The one clock stands still while a machine sleeps, the other one may be set: a copy has to be young by both.
    const age = wallClock() - copy.wallClockStarted
    return now() < copy.until && age >= 0 && age < copy.timing.lagSeconds * 1000 ? copy : undefined
  }

  function count(use: KeyUse): void {
    const name = `${use.expiresMinute} ${use.kid}`
    const before = pending.get(name)
    const tokens = use.tokens + (before?.tokens ?? 0)
    const longestTtlSeconds = Math.max(use.longestTtlSeconds, before?.longestTtlSeconds ?? 0)
    pending.set(name, { ...use, tokens, longestTtlSeconds })
  }

  async function importKey(kid: string): Promise<SigningKey> {
    const known = imported
    if (known?.kid === kid && (known.ready || (await isInTime(known.key)))) return known.key
    const fresh = { kid, key: readKey(kid), ready: false }
    imported = fresh
    try {
      const key = await fresh.key
      fresh.ready = true
      return key
    } catch (error) {
      if (imported === fresh) imported = undefined
      throw error
    }
  }

  async function readKey(kid: string): Promise<SigningKey> {
    const key = await importSigningKey(await ring.privateJwk(kid))
    if (key.kid !== kid) throw new Failure('key_invalid', { detail: `What is kept as ${kid} is another key` })
    return key
  }

  /** The key that signs a token of this lifetime, noted in the ring before. */
  async function note(use: Omit<KeyUse, 'kid'>): Promise<string> {
    for (let attempt = 0; attempt < maxAttempts; attempt++) {
      const { active } = await exchange([{ ...use, kid: undefined, tokens: attempt === 0 ? use.tokens : 0 }])
      if (active === undefined) throw new Failure('key_missing')
      // Otherwise the keys changed places between the note and the copy.
      if (use.longestTtlSeconds <= active.longestTtlSeconds) return active.kid
    }
    throw new Failure('key_ring_busy')
  }

  return {
    async signingKey(ttlSeconds = defaultTtlSeconds) {
      const expiresMinute = Math.ceil(wallClock() / 60_000 + ttlSeconds / 60)
      const use = { expiresMinute, tokens: 1, longestTtlSeconds: ttlSeconds }
      // No `await` where nothing is awaited: requests of the same moment would all find nobody who has asked.
      const other = copyOfOther()
      if (other !== undefined) await other
      const active = current()?.active
      if (active === undefined || ttlSeconds > active.longestTtlSeconds) return importKey(await note(use))
      count({ ...use, kid: active.kid })
      return importKey(active.kid)
    },
    async jwks() {
      const other = copyOfOther()
      if (other !== undefined) await other
      const { published, timing } = current() ?? (await exchange())
      return { ...toJwks(published), maxAgeSeconds: timing.jwksMaxAgeSeconds }
    },
  }
}

/** Whether what another request has begun comes to its end within {@link patienceMs}; fails as it does. */
async function isInTime(work: Promise<unknown>): Promise<boolean> {
  let timer: ReturnType<typeof setTimeout> | undefined
  const late = new Promise<boolean>((resolve) => {
    timer = setTimeout(() => resolve(false), patienceMs)
  })
  try {
    return await Promise.race([work.then(() => true), late])
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Signs and publishes with a ring that is part of the configuration, such as a Worker secret. It does not change before
 * the configuration does, and counts nothing.
 *
 * @throws (when it signs) Failure `lifetime_refused` for a lifetime above the one that the ring notes for its key: it
 *   could not note a longer one
 */
export function fixedRing({ ring, privateJwks }: Pick<PrivateRing, 'ring' | 'privateJwks'>): KeySource {
  const active = activeKey(ring)
  const key = active === undefined ? undefined : importSigningKey(privateJwks.get(active.kid))
  // Awaited by who signs; nobody may be there yet.
  key?.catch(() => undefined)
  const published = { ...toJwks(publishedKeys(ring)), maxAgeSeconds: ring.timing.jwksMaxAgeSeconds }
  return {
    async signingKey(ttlSeconds = defaultTtlSeconds) {
      if (active === undefined || key === undefined) throw new Failure('key_missing')
      if (ttlSeconds > active.longestTtlSeconds) {
        throw new Failure('lifetime_refused', { detail: `${ttlSeconds} s; the limit is ${active.longestTtlSeconds} s` })
      }
      return key
    },
    jwks: async () => published,
  }
}
