/**
 * Seal keys: made, written down, and installed in the database as HMAC pads.
 */
import { createHash, randomBytes } from 'node:crypto'
import type { ClientBase } from 'pg'
import type { SealKey } from './form.ts'
import { sealKeyName } from './key-text.ts'

export { parseSealKeys } from './key-text.ts'

const secretBytes = 32
const blockBytes = 64

/** Makes a fresh key. */
export function generateSealKey(name: string): SealKey {
  if (!sealKeyName.test(name)) throw new TypeError(`seal key name is not ${sealKeyName.source}`)
  return { name, secret: randomBytes(secretBytes) }
}

/** Writes keys in the form that `parseSealKeys` reads. The result is a secret. */
export function formatSealKeys(keys: readonly SealKey[]): string {
  return keys.map((key) => `${key.name}:${Buffer.from(key.secret).toString('base64url')}`).join(',')
}

/**
 * Installs keys in the database, replacing those of the same name. Other keys stay valid: see {@link removeSealKey}.
 *
 * @param client connected as the owner, platform SQL applied
 */
export async function installSealKeys(client: ClientBase, keys: readonly SealKey[]): Promise<void> {
  for (const key of keys) {
    // What is remembered under a key goes with it, so it is not changed in its place.
    await client.query(
      `with gone as (
         delete from rowpass.seal_keys where name = $1 and (inner_pad, outer_pad) <> ($2, $3) returning name
       )
       insert into rowpass.seal_keys (name, inner_pad, outer_pad)
       select $1, $2, $3 where (select count(*) from gone) >= 0 on conflict (name) do nothing`,
      [key.name, pad(key.secret, 0x36), pad(key.secret, 0x5c)],
    )
  }
}

/** The names of the keys that the database accepts, oldest first. */
export async function listSealKeys(client: ClientBase): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('select name from rowpass.seal_keys order by created_at, name')
  return rows.map(({ name }) => name)
}

/** A seal key of a database, next to the keys that are configured. No secret is part of it, nor does one leave either side. */
export interface SealKeyStatus {
  readonly name: string
  /** When the database got it, ISO 8601; null where it has none of this name. */
  readonly since: string | null
  /** `same` in both, `differs` under one name, or in one of the two only. */
  readonly state: 'same' | 'differs' | 'database_only' | 'configured_only'
  /** Whether it is the first of the configured ones, which seals. */
  readonly seals: boolean
}

/**
 * Compares the keys that a database accepts with those that are configured, by digests with a salt of this call.
 *
 * @param client connected as the owner, platform SQL applied
 * @returns the keys of the database, oldest first, then those that it lacks
 */
export async function compareSealKeys(client: ClientBase, keys: readonly SealKey[]): Promise<SealKeyStatus[]> {
  const salt = randomBytes(secretBytes)
  const { rows } = await client.query<{ name: string; since: Date; digest: Buffer }>(
    `select name, created_at as since, sha256($1::bytea || inner_pad || outer_pad) as digest
       from rowpass.seal_keys order by created_at, name`,
    [salt],
  )
  const digestOf = ({ secret }: SealKey): Buffer =>
    createHash('sha256').update(salt).update(pad(secret, 0x36)).update(pad(secret, 0x5c)).digest()
  const seals = (name: string): boolean => keys[0]?.name === name
  const known = rows.map(({ name, since, digest }): SealKeyStatus => {
    const key = keys.find((each) => each.name === name)
    const state = key === undefined ? 'database_only' : digestOf(key).equals(digest) ? 'same' : 'differs'
    return { name, since: since.toISOString(), state, seals: seals(name) }
  })
  const missing = keys.filter(({ name }) => !rows.some((row) => row.name === name))
  return [
    ...known,
    ...missing.map(({ name }) => ({ name, since: null, state: 'configured_only', seals: seals(name) }) as const),
  ]
}

/** Removes a key: sessions sealed with it fail from the next statement on. Returns whether there was one. */
export async function removeSealKey(client: ClientBase, name: string): Promise<boolean> {
  const { rowCount } = await client.query('delete from rowpass.seal_keys where name = $1', [name])
  return rowCount === 1
}

/** HMAC pads, RFC 2104 §2: the key, filled with zeros to the block size, XORed with a constant. */
function pad(secret: Uint8Array, constant: number): Buffer {
  const block = Buffer.alloc(blockBytes, constant)
  secret.forEach((byte, index) => {
    block[index] = byte ^ constant
  })
  return block
}
