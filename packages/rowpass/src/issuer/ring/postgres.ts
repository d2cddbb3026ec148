/**
 * A key ring in PostgreSQL: as the instances share it, by two functions, and as its owner changes it, by its tables. Private
 * keys are encrypted before they leave this process.
 */
import { Failure } from '../../errors.ts'
import type { GeneratedKey, PublicJwk } from '../../token/key.ts'
import type { SqlDatabase, SqlRow } from '../sql-database.ts'
import {
  type EncryptionKeys,
  openPrivateKey,
  requireOpenable,
  rewrapPrivateKey,
  type SealedKey,
  sealPrivateKey,
} from './encryption.ts'
import { createRing, type KeyState, type Ring, type RingKey, type RingTiming } from './ring.ts'
import {
  defaultTiming,
  type KeyUse,
  type RingChange,
  type RingCopy,
  type RingStore,
  type SharedRing,
  type StoredRing,
} from './ring-store.ts'
import { parseTiming } from './text.ts'

/**
 * The ring as an instance of the issuer has it.
 *
 * @param db as `rowpass_issuer`, or as the owner
 * @throws (both functions) Failure `key_missing` when the ring is empty, `key_locked`, and what `db` rejects with
 */
export function createSharedRing(db: SqlDatabase, keys: EncryptionKeys): SharedRing {
  const ask = async (text: string, parameter: string) => (await db.query(text, [parameter]))[0]?.value
  return {
    async exchange(uses) {
      // By way of text: one of the drivers writes what is JSON already as JSON once more.
      const answer = await ask('select rowpass.exchange_signing_keys($1::text::jsonb) as value', toJson(uses))
      if (!isObject(answer)) throw new Failure('key_missing', { detail: 'The key ring in the database is empty' })
      return toCopy(answer)
    },
    async privateJwk(kid) {
      const answer = await ask('select rowpass.sealed_signing_key($1) as value', kid)
      if (!isObject(answer)) throw new Failure('key_missing', { detail: `The key ring has no ${kid} that signs` })
      return openPrivateKey({ kid, alg: String(answer.alg) }, toSealed(answer), keys)
    },
  }
}

/** What the store of the owner is to know. */
export interface PostgresRingOptions {
  /** For a person: which database it is, without a secret. */
  readonly says: string
  /** Hands out one connection of the owner for as long as `work` takes; the platform SQL is applied. */
  readonly connect: <T>(work: (db: SqlDatabase) => Promise<T>) => Promise<T>
  readonly encryptionKeys: EncryptionKeys
  /** Timing of a ring that is not there yet. */
  readonly timing?: RingTiming
}

/** 'keyring' in ASCII: whoever changes a ring of this database holds it. */
const lockNumber = '30230618117533287'
const lockTimeoutMs = 15_000

/** The ring as its owner has it. Each call takes a connection of its own. */
export function createPostgresRing(options: PostgresRingOptions): RingStore {
  const { says, connect, encryptionKeys, timing = defaultTiming } = options
  return {
    ...createSharedRing({ query: (text, parameters) => connect((db) => db.query(text, parameters)) }, encryptionKeys),
    says,
    inFile: false,
    read: () => connect(async (db) => (await readRing(db, timing)).stored),
    change: (work) => connect((db) => locked(db, () => changeRing(db, { encryptionKeys, timing }, work))),
    rewrap: () => connect((db) => locked(db, async () => rewrapAll(db, await readSealed(db), encryptionKeys))),
  }
}

async function changeRing(
  db: SqlDatabase,
  { encryptionKeys, timing }: { readonly encryptionKeys: EncryptionKeys; readonly timing: RingTiming },
  work: (ring: Ring, nowMs: number) => Promise<RingChange>,
): Promise<StoredRing> {
  // Instances note lifetimes without the lock: from here on they wait, and then see what became of the key.
  await db.query('select from rowpass.signing_keys for update', [])
  const { stored, found } = await readRing(db, timing)
  const { ring, made = [] } = await work(stored.ring, stored.nowMs)
  if (goesOn(stored.ring, ring)) await requireSameKeys(db, encryptionKeys)
  if (!found) await writeTiming(db, ring.timing)
  await writeKeys(db, stored.ring, ring, made, encryptionKeys)
  // Of what cannot be opened here, nothing is lost: a revocation must not wait for a key from the environment.
  const known = (await readSealed(db)).filter(({ sealed }) =>
    encryptionKeys.some(({ name }) => name === sealed.wrappedUnder),
  )
  await rewrapAll(db, known, encryptionKeys)
  return (await readRing(db, timing)).stored
}

/** Whether a key was put in, or signs from now on; a revocation does either where it must, and waits for nothing. */
function goesOn(before: Ring, after: Ring): boolean {
  const known = new Map(before.keys.map((key) => [key.kid, key]))
  const changed = after.keys.filter(({ kid, state }) => known.get(kid)?.state !== state)
  return changed.some(({ state }) => state === 'next' || state === 'active') && !changed.some(({ revoked }) => revoked)
}

/**
 * Instances open the ring's keys with theirs of KEY_ENCRYPTION_KEYS. Where ours do not, a key that is made or let sign
 * here could be one that no instance opens, and nothing would be signed any more.
 */
async function requireSameKeys(db: SqlDatabase, encryptionKeys: EncryptionKeys): Promise<void> {
  for (const { kid, alg, state, sealed } of await readSealed(db)) {
    if (state !== 'retired') await requireOpenable({ kid, alg }, sealed, encryptionKeys)
  }
}

async function readRing(db: SqlDatabase, timing: RingTiming): Promise<{ stored: StoredRing; found: boolean }> {
  // As JSON, so that no driver has a say in how a time or a number is read.
  const [row] = await db.query(
    `select ${milliseconds('clock_timestamp()')} as "nowMs",
            (select jsonb_build_object('jwksMaxAgeSeconds', jwks_max_age_seconds, 'lagSeconds', lag_seconds,
                                       'skewSeconds', skew_seconds, 'ttlSeconds', ttl_seconds) from rowpass.key_ring) as timing,
            (select coalesce(jsonb_agg(jsonb_build_object(
                      'kid', kid, 'publicJwk', public_jwk, 'state', state, 'revoked', revoked,
                      'addedAt', ${milliseconds('added_at')}, 'activatedAt', ${milliseconds('activated_at')},
                      'retiredAt', ${milliseconds('retired_at')}, 'goneAt', ${milliseconds('gone_at')},
                      'longestTtlSeconds', longest_ttl_seconds, 'wrappedUnder', wrapped_under,
                      'tokens', (select coalesce(sum(tokens), 0) from rowpass.signing_key_uses u
                                  where u.kid = k.kid and u.expires_at > now())) order by added_at, kid), '[]')
               from rowpass.signing_keys k) as keys`,
    [],
  )
  const keys = row?.keys as KeyRow[] // of the statement above
  const found = row?.timing != null
  const stored = {
    ring: { ...createRing(found ? parseTiming(row.timing) : timing), keys: keys.map(toRingKey) },
    nowMs: Number(row?.nowMs),
    tokensInUse: new Map(keys.map(({ kid, tokens }) => [kid, tokens])),
    wrappedUnder: new Map(keys.flatMap(({ kid, wrappedUnder: name }) => (name === null ? [] : [[kid, name] as const]))),
  }
  return { stored, found }
}

/** Whole milliseconds since the epoch, as far as a number holds them. */
const milliseconds = (time: string): string => `floor(extract(epoch from ${time}) * 1000)::float8`

type Time = 'activatedAt' | 'retiredAt' | 'goneAt'
type KeyRow = Omit<RingKey, Time> & { readonly [Name in Time]: number | null } & {
  readonly wrappedUnder: string | null
  readonly tokens: number
}

function toRingKey({ wrappedUnder: _, tokens: __, ...row }: KeyRow): RingKey {
  const { activatedAt, retiredAt, goneAt, ...key } = row
  return {
    ...key,
    ...(activatedAt !== null && { activatedAt }),
    ...(retiredAt !== null && { retiredAt }),
    ...(goneAt !== null && { goneAt }),
  }
}

async function writeTiming(db: SqlDatabase, timing: RingTiming): Promise<void> {
  const { jwksMaxAgeSeconds, lagSeconds, skewSeconds, ttlSeconds } = timing
  await db.query(
    'insert into rowpass.key_ring (jwks_max_age_seconds, lag_seconds, skew_seconds, ttl_seconds) values ($1, $2, $3, $4)',
    [jwksMaxAgeSeconds, lagSeconds, skewSeconds, ttlSeconds],
  )
}

async function writeKeys(
  db: SqlDatabase,
  before: Ring,
  after: Ring,
  made: readonly GeneratedKey[],
  encryptionKeys: EncryptionKeys,
): Promise<void> {
  const known = new Map(before.keys.map((key) => [key.kid, key]))
  const forgotten = before.keys.filter(({ kid }) => !after.keys.some((key) => key.kid === kid))
  for (const { kid } of forgotten) await db.query('delete from rowpass.signing_keys where kid = $1', [kid])
  const changed = after.keys.filter((key) => known.get(key.kid) !== key)
  // The key that signs last: at no time are there two.
  for (const key of [...changed].sort((a, b) => Number(a.state === 'active') - Number(b.state === 'active'))) {
    if (known.has(key.kid)) await updateKey(db, key)
    else await insertKey(db, key, await sealMade(key, made, encryptionKeys))
  }
}

async function sealMade(key: RingKey, made: readonly GeneratedKey[], keys: EncryptionKeys): Promise<SealedKey> {
  const generated = made.find(({ kid }) => kid === key.kid)
  if (generated === undefined) throw new TypeError(`the private half of ${key.kid} was not given`)
  return sealPrivateKey(generated, generated.privateJwk, keys)
}

const toText = (time: number | undefined): string | null => (time === undefined ? null : new Date(time).toISOString())

async function insertKey(db: SqlDatabase, key: RingKey, sealed: SealedKey): Promise<void> {
  await db.query(
    `insert into rowpass.signing_keys
       (kid, public_jwk, state, added_at, activated_at, longest_ttl_seconds, wrapped_under, wrapped_key, ciphertext)
     values ($1, $2::text::jsonb, $3, $4, $5, $6, $7, $8, $9)`,
    [
      ...[key.kid, JSON.stringify(key.publicJwk), key.state, toText(key.addedAt), toText(key.activatedAt)],
      ...[key.longestTtlSeconds, sealed.wrappedUnder, sealed.wrappedKey, sealed.ciphertext],
    ],
  )
}

async function updateKey(db: SqlDatabase, key: RingKey): Promise<void> {
  await db.query(
    `update rowpass.signing_keys
        set state = $2, activated_at = $3, retired_at = $4, gone_at = $5, revoked = $6,
            longest_ttl_seconds = greatest(longest_ttl_seconds, $7),
            wrapped_under = case when $2 <> 'gone' then wrapped_under end,
            wrapped_key = case when $2 <> 'gone' then wrapped_key end,
            ciphertext = case when $2 <> 'gone' then ciphertext end
      where kid = $1`,
    [
      ...[key.kid, key.state, toText(key.activatedAt), toText(key.retiredAt), toText(key.goneAt)],
      ...[key.revoked, key.longestTtlSeconds],
    ],
  )
}

interface StoredSealedKey {
  readonly kid: string
  readonly alg: string
  readonly state: KeyState
  readonly sealed: SealedKey
}

async function readSealed(db: SqlDatabase): Promise<StoredSealedKey[]> {
  const rows = await db.query(
    `select kid, public_jwk->>'alg' as alg, state, wrapped_under as "wrappedUnder", wrapped_key as "wrappedKey", ciphertext
       from rowpass.signing_keys where state <> 'gone'`,
    [],
  )
  return rows.map((row) => ({
    kid: String(row.kid),
    alg: String(row.alg),
    state: row.state as KeyState, // an enum of the table
    sealed: toSealed(row),
  }))
}

function toSealed({ wrappedUnder, wrappedKey, ciphertext }: SqlRow): SealedKey {
  return { wrappedUnder: String(wrappedUnder), wrappedKey: String(wrappedKey), ciphertext: String(ciphertext) }
}

async function rewrapAll(
  db: SqlDatabase,
  all: readonly StoredSealedKey[],
  keys: EncryptionKeys,
): Promise<readonly string[]> {
  const rewrapped: string[] = []
  for (const { kid, alg, sealed } of all) {
    const next = await rewrapPrivateKey({ kid, alg }, sealed, keys)
    if (next === sealed) continue
    await db.query('update rowpass.signing_keys set wrapped_under = $2, wrapped_key = $3 where kid = $1', [
      ...[kid, next.wrappedUnder, next.wrappedKey],
    ])
    rewrapped.push(kid)
  }
  return rewrapped
}

/** In a transaction, and alone. */
async function locked<T>(db: SqlDatabase, work: () => Promise<T>): Promise<T> {
  await db.query('begin', [])
  try {
    await db.query(`set local lock_timeout = ${lockTimeoutMs}`, [])
    await db.query(`select pg_advisory_xact_lock(${lockNumber})`, [])
    const result = await work()
    await db.query('commit', [])
    return result
  } catch (error) {
    // A connection that broke has rolled back by itself.
    await db.query('rollback', []).catch(() => undefined)
    const isLate = error instanceof Error && 'code' in error && error.code === '55P03'
    throw isLate ? new Failure('key_ring_busy', { cause: error }) : error
  }
}

function toJson(uses: readonly KeyUse[]): string {
  return JSON.stringify(
    uses.map(({ kid, expiresMinute, tokens, longestTtlSeconds }) => ({
      kid,
      expires_minute: expiresMinute,
      tokens,
      longest_ttl_seconds: longestTtlSeconds,
    })),
  )
}

function toCopy({ timing, published, active }: SqlRow): RingCopy {
  // The function writes these; nobody but the owner writes what it reads.
  const copy = { published: published as readonly PublicJwk[], active: (active ?? undefined) as RingCopy['active'] }
  return { ...copy, timing: parseTiming(timing) }
}

function isObject(value: unknown): value is SqlRow {
  return typeof value === 'object' && value !== null
}
