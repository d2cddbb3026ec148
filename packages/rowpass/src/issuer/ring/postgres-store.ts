/**
 * A key ring in PostgreSQL, as its owner changes it. Private keys are encrypted before they leave this process.
 */
import type { ClientBase } from 'pg'
import { serverOf, sqlstateOf, withConnection } from '../../database/connect.ts'
import { Failure } from '../../errors.ts'
import type { GeneratedKey, PublicJwk } from '../../token/key.ts'
import { type EncryptionKeys, requireOpenable, rewrapPrivateKey, type SealedKey, sealPrivateKey } from './encryption.ts'
import { createRing, type KeyState, type Ring, type RingKey, type RingTiming } from './ring.ts'
import { createSqlRingHome } from './ring-home.ts'
import { parseTiming } from './ring-text.ts'
import { defaultTiming, type KeyStore, type RingChange, type StoredRing } from './store.ts'

/** What the store is to know. */
export interface PostgresStoreOptions {
  /** URL of the owner; platform SQL applied. */
  readonly ownerUrl: string
  readonly encryptionKeys: EncryptionKeys
  /** Timing of a ring that is not there yet. */
  readonly timing?: RingTiming
}

/** 'keyring' in ASCII: whoever changes a ring of this database holds it. */
const lockNumber = '30230618117533287'
const lockTimeoutMs = 15_000

/** A ring in the database of `ownerUrl`. Each call opens a connection of its own. */
export function createPostgresStore(options: PostgresStoreOptions): KeyStore {
  const { ownerUrl, encryptionKeys, timing = defaultTiming } = options
  const connected = <T>(work: (client: ClientBase) => Promise<T>) => withConnection(ownerUrl, work)
  const home = createSqlRingHome(
    (sql, params) =>
      connected(async (client) => (await client.query<{ value: unknown }>(sql, [...params])).rows[0]?.value),
    encryptionKeys,
  )

  return {
    ...home,
    says: serverOf(ownerUrl),
    inFile: false,
    read: () => connected(async (client) => (await readRing(client, timing)).stored),
    change: (work) => connected((client) => changeRing(client, { encryptionKeys, timing }, work)),
    rewrap: () =>
      connected((client) =>
        inTransaction(client, async () => {
          await client.query('select pg_advisory_xact_lock($1)', [lockNumber])
          return rewrapAll(client, await readSealed(client), encryptionKeys)
        }),
      ),
  }
}

async function changeRing(
  client: ClientBase,
  { encryptionKeys, timing }: Required<Pick<PostgresStoreOptions, 'encryptionKeys' | 'timing'>>,
  work: (ring: Ring, nowMs: number) => Promise<RingChange>,
): Promise<StoredRing> {
  return inTransaction(client, async () => {
    await client.query('select pg_advisory_xact_lock($1)', [lockNumber])
    // Instances note lifetimes without the lock: from here on they wait, and then see what became of the key.
    await client.query('select from rowpass.signing_keys for update')
    const { stored, found } = await readRing(client, timing)
    const { ring, made = [] } = await work(stored.ring, stored.nowMs)
    if (goesOn(stored.ring, ring)) await requireSameKeys(client, encryptionKeys)
    if (!found) await writeTiming(client, ring.timing)
    await writeKeys(client, stored.ring, ring, made, encryptionKeys)
    // Of what cannot be opened here, nothing is lost: a revocation must not wait for a key from the environment.
    const known = (await readSealed(client)).filter(({ sealed }) =>
      encryptionKeys.some(({ name }) => name === sealed.wrappedUnder),
    )
    await rewrapAll(client, known, encryptionKeys)
    return (await readRing(client, timing)).stored
  })
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
async function requireSameKeys(client: ClientBase, encryptionKeys: EncryptionKeys): Promise<void> {
  for (const { kid, alg, state, sealed } of await readSealed(client)) {
    if (state !== 'retired') await requireOpenable({ kid, alg }, sealed, encryptionKeys)
  }
}

interface KeyRow {
  kid: string
  public_jwk: PublicJwk
  state: KeyState
  added_at: Date
  activated_at: Date | null
  retired_at: Date | null
  gone_at: Date | null
  revoked: boolean
  longest_ttl_seconds: number
  wrapped_under: string | null
  tokens: string
}

async function readRing(client: ClientBase, timing: RingTiming): Promise<{ stored: StoredRing; found: boolean }> {
  const settings = await client.query<{ now: Date; timing: unknown }>(
    `select date_trunc('milliseconds', clock_timestamp()) as now, (
       select jsonb_build_object('jwksMaxAgeSeconds', jwks_max_age_seconds, 'lagSeconds', lag_seconds,
                                 'skewSeconds', skew_seconds, 'ttlSeconds', ttl_seconds) from rowpass.key_ring) as timing`,
  )
  const { rows } = await client.query<KeyRow>(
    `select kid, public_jwk, state, added_at, activated_at, retired_at, gone_at, revoked, longest_ttl_seconds, wrapped_under,
            (select coalesce(sum(tokens), 0) from rowpass.signing_key_uses u where u.kid = k.kid and u.expires_at > now()) as tokens
       from rowpass.signing_keys k order by added_at, kid`,
  )
  const [first] = settings.rows
  const found = first !== undefined && first.timing !== null
  const ring = { ...createRing(found ? parseTiming(first.timing) : timing), keys: rows.map(toRingKey) }
  const stored = {
    ring,
    nowMs: first?.now.getTime() ?? Date.now(),
    tokensInUse: new Map(rows.map(({ kid, tokens }) => [kid, Number(tokens)])),
    wrappedUnder: new Map(
      rows.flatMap(({ kid, wrapped_under: name }) => (name === null ? [] : [[kid, name] as const])),
    ),
  }
  return { stored, found }
}

function toRingKey(row: KeyRow): RingKey {
  const time = (name: keyof RingKey, at: Date | null) => (at === null ? {} : { [name]: at.getTime() })
  return {
    kid: row.kid,
    publicJwk: row.public_jwk,
    state: row.state,
    addedAt: row.added_at.getTime(),
    ...time('activatedAt', row.activated_at),
    ...time('retiredAt', row.retired_at),
    ...time('goneAt', row.gone_at),
    revoked: row.revoked,
    longestTtlSeconds: row.longest_ttl_seconds,
  }
}

async function writeTiming(client: ClientBase, timing: RingTiming): Promise<void> {
  const { jwksMaxAgeSeconds, lagSeconds, skewSeconds, ttlSeconds } = timing
  await client.query(
    'insert into rowpass.key_ring (jwks_max_age_seconds, lag_seconds, skew_seconds, ttl_seconds) values ($1, $2, $3, $4)',
    [jwksMaxAgeSeconds, lagSeconds, skewSeconds, ttlSeconds],
  )
}

async function writeKeys(
  client: ClientBase,
  before: Ring,
  after: Ring,
  made: readonly GeneratedKey[],
  encryptionKeys: EncryptionKeys,
): Promise<void> {
  const known = new Map(before.keys.map((key) => [key.kid, key]))
  const forgotten = before.keys.filter(({ kid }) => !after.keys.some((key) => key.kid === kid))
  await client.query('delete from rowpass.signing_keys where kid = any($1)', [forgotten.map(({ kid }) => kid)])
  const changed = after.keys.filter((key) => known.get(key.kid) !== key)
  // The key that signs last: at no time are there two.
  for (const key of [...changed].sort((a, b) => Number(a.state === 'active') - Number(b.state === 'active'))) {
    if (known.has(key.kid)) await updateKey(client, key)
    else await insertKey(client, key, await sealMade(key, made, encryptionKeys))
  }
}

async function sealMade(key: RingKey, made: readonly GeneratedKey[], keys: EncryptionKeys): Promise<SealedKey> {
  const generated = made.find(({ kid }) => kid === key.kid)
  if (generated === undefined) throw new TypeError(`the private half of ${key.kid} was not given`)
  return sealPrivateKey(generated, generated.privateJwk, keys)
}

const toDate = (time: number | undefined): Date | null => (time === undefined ? null : new Date(time))

async function insertKey(client: ClientBase, key: RingKey, sealed: SealedKey): Promise<void> {
  await client.query(
    `insert into rowpass.signing_keys
       (kid, public_jwk, state, added_at, activated_at, longest_ttl_seconds, wrapped_under, wrapped_key, ciphertext)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9)`,
    [
      ...[key.kid, JSON.stringify(key.publicJwk), key.state, toDate(key.addedAt), toDate(key.activatedAt)],
      ...[key.longestTtlSeconds, sealed.wrappedUnder, sealed.wrappedKey, sealed.ciphertext],
    ],
  )
}

async function updateKey(client: ClientBase, key: RingKey): Promise<void> {
  await client.query(
    `update rowpass.signing_keys
        set state = $2, activated_at = $3, retired_at = $4, gone_at = $5, revoked = $6,
            longest_ttl_seconds = greatest(longest_ttl_seconds, $7),
            wrapped_under = case when $2 <> 'gone' then wrapped_under end,
            wrapped_key = case when $2 <> 'gone' then wrapped_key end,
            ciphertext = case when $2 <> 'gone' then ciphertext end
      where kid = $1`,
    [
      ...[key.kid, key.state, toDate(key.activatedAt), toDate(key.retiredAt), toDate(key.goneAt)],
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

async function readSealed(client: ClientBase): Promise<StoredSealedKey[]> {
  const { rows } = await client.query<StoredSealedKey>(
    `select kid, public_jwk->>'alg' as alg, state, jsonb_build_object('wrappedUnder', wrapped_under, 'wrappedKey', wrapped_key,
                                                             'ciphertext', ciphertext) as sealed
       from rowpass.signing_keys where state <> 'gone'`,
  )
  return rows
}

async function rewrapAll(
  client: ClientBase,
  all: readonly StoredSealedKey[],
  keys: EncryptionKeys,
): Promise<readonly string[]> {
  const rewrapped: string[] = []
  for (const { kid, alg, sealed } of all) {
    const next = await rewrapPrivateKey({ kid, alg }, sealed, keys)
    if (next === sealed) continue
    await client.query('update rowpass.signing_keys set wrapped_under = $2, wrapped_key = $3 where kid = $1', [
      ...[kid, next.wrappedUnder, next.wrappedKey],
    ])
    rewrapped.push(kid)
  }
  return rewrapped
}

async function inTransaction<T>(client: ClientBase, work: () => Promise<T>): Promise<T> {
  await client.query(`begin; set local lock_timeout = ${lockTimeoutMs}`)
  try {
    const result = await work()
    await client.query('commit')
    return result
  } catch (error) {
    // A connection that broke has rolled back by itself.
    await client.query('rollback').catch(() => undefined)
    throw sqlstateOf(error) === '55P03' ? new Failure('key_ring_busy', { cause: error }) : error
  }
}
