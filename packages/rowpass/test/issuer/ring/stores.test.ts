import { mkdtemp, readdir, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { connectTo, withConnection } from '../../../src/database/connect.ts'
import { generateEncryptionKey, parseEncryptionKeys } from '../../../src/issuer/ring/encryption.ts'
import { createFileRing } from '../../../src/issuer/ring/file.ts'
import { createPostgresRing } from '../../../src/issuer/ring/postgres.ts'
import {
  activateKey,
  activeKey,
  addKey,
  noteTtl,
  pruneKey,
  type Ring,
  revokeKey,
} from '../../../src/issuer/ring/ring.ts'
import { defaultTiming, type RingStore } from '../../../src/issuer/ring/ring-store.ts'
import { createRingSource } from '../../../src/issuer/ring/source.ts'
import { activate, prune, retire, revoke } from '../../../src/issuer/ring/steps.ts'
import { generateKey } from '../../../src/token/key.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../../support/pg.ts'

const encryptionKeys = await parseEncryptionKeys(generateEncryptionKey('test'))

/** A place that is empty before each test, and several stores of it, as several processes have. */
interface Place {
  open(): RingStore
  remove(): Promise<void>
}

async function inFile(): Promise<Place> {
  const folder = await mkdtemp(join(tmpdir(), 'rowpass-ring-'))
  return {
    open: () => createFileRing(join(folder, 'keyRing.jwk.json')),
    async remove() {
      // Neither drafts nor locks are left.
      expect((await readdir(folder)).filter((name) => name !== 'keyRing.jwk.json')).toEqual([])
      await rm(folder, { recursive: true })
    },
  }
}

async function inDatabase(): Promise<Place> {
  const database = await createTestDatabase({ contents: 'platform' })
  return {
    open: () =>
      createPostgresRing({ says: 'the test database', connect: connectTo(database.ownerUrl), encryptionKeys }),
    remove: database.close,
  }
}

const add = async (ring: Ring, nowMs: number) => {
  const key = await generateKey()
  return { ring: addKey(ring, key.publicJwk, nowMs), made: [key] }
}
const states = ({ ring }: { ring: Ring }) => ring.keys.map(({ state }) => state)

describePg('a key ring that is kept', () => {
  describe.each([
    ['in a file', inFile],
    ['in PostgreSQL', inDatabase],
  ])('%s', (_, makePlace) => {
    let place: Place
    let store: RingStore
    beforeEach(async () => {
      place = await makePlace()
      store = place.open()
    })
    afterEach(() => place.remove())

    it('is empty before its first key, with the timing that it will have', async () => {
      expect(await store.read()).toMatchObject({ ring: { timing: defaultTiming, keys: [] } })
      await expect(store.exchange([])).rejects.toMatchObject({ code: 'key_missing' })
    })

    it('gives back what was put in, in every state, to whoever opens it', async () => {
      const first = await store.change(add)
      await store.change(add)
      const [a, b] = (await store.read()).ring.keys
      await store.change(async (ring, now) => ({ ring: activateKey(ring, b!.kid, now, { force: true }) }))
      await store.change(add)
      await store.change(async (ring, now) => ({
        ring: noteTtl(pruneKey(ring, a!.kid, now, { force: true }), b!.kid, 3000),
      }))
      const { ring, nowMs } = await place.open().read()
      expect(ring.keys.map(({ state, longestTtlSeconds, revoked }) => [state, longestTtlSeconds, revoked])).toEqual([
        ['gone', 900, false],
        ['active', 3000, false],
        ['next', 900, false],
      ])
      const [gone, active] = ring.keys
      expect(gone).toMatchObject({ publicJwk: first.ring.keys[0]!.publicJwk, addedAt: first.ring.keys[0]!.addedAt })
      expect(gone!.activatedAt).toBe(gone!.addedAt)
      expect(gone!.retiredAt).toBe(active!.activatedAt)
      expect(gone!.goneAt).toBeLessThanOrEqual(nowMs)
      expect(states(await store.read())).toEqual(['gone', 'active', 'next'])
    })

    it('SEC-24 has exactly one first key when many start at once, whatever each of them does', async () => {
      const made = await Promise.all(
        Array.from({ length: 8 }, () =>
          place.open().change(async (ring, now) => (activeKey(ring) === undefined ? add(ring, now) : { ring })),
        ),
      )
      expect(states(await store.read())).toEqual(['active'])
      expect(new Set(made.map(({ ring }) => ring.keys[0]!.kid)).size).toBe(1)
    })

    it('loses no key when many change it at once', async () => {
      const rings = await Promise.all(Array.from({ length: 8 }, () => place.open().change(add)))
      const { ring } = await store.read()
      expect(states({ ring })).toEqual(['active', ...Array(7).fill('next')])
      expect(new Set(rings.map(({ ring: each }) => each.keys.at(-1)!.kid)).size).toBe(8)
    })

    it('stays as it was when a change fails, or forgets the private half of a key', async () => {
      await store.change(add)
      const before = await store.read()
      await expect(
        store.change(async () => {
          throw new Error('half way')
        }),
      ).rejects.toThrow('half way')
      await expect(
        store.change(async (ring, now) => ({ ring: addKey(ring, (await generateKey()).publicJwk, now) })),
      ).rejects.toThrow(TypeError)
      expect((await store.read()).ring).toEqual(before.ring)
    })

    it('is a source of keys: it signs with the active one, publishes all, and follows a change after the lag', async () => {
      let now = 0
      await store.change(add)
      const source = createRingSource(place.open(), { now: () => now })
      const before = await source.signingKey()
      expect((await source.jwks()).keys.map(({ kid }) => kid)).toEqual([before.kid])
      await store.change(add)
      const next = (await store.read()).ring.keys[1]!
      await store.change(async (ring, at) => ({ ring: activateKey(ring, next.kid, at, { force: true }) }))
      now = 5_000 - 1
      expect((await source.signingKey()).kid).toBe(before.kid)
      now = 5_000
      expect((await source.signingKey()).kid).toBe(next.kid)
      expect(await source.jwks()).toMatchObject({ maxAgeSeconds: 300, keys: [{ kid: before.kid }, { kid: next.kid }] })
    })

    it('SEC-23 notes a longer lifetime before a token with it is signed', async () => {
      await store.change(add)
      const source = createRingSource(place.open())
      await source.signingKey(900)
      expect((await store.read()).ring.keys[0]!.longestTtlSeconds).toBe(900)
      await source.signingKey(7200)
      expect((await store.read()).ring.keys[0]!.longestTtlSeconds).toBe(7200)
    })

    it('counts tokens by key, also those of a retired one, until they have expired', async () => {
      let now = 0
      const [{ ring }] = [await store.change(add)]
      const first = ring.keys[0]!.kid
      const source = createRingSource(place.open(), { now: () => now })
      for (let n = 0; n < 5; n++) await source.signingKey(600)
      expect((await store.read()).tokensInUse.get(first)).toBe(1)
      now = 5_000
      await source.jwks()
      expect((await store.read()).tokensInUse.get(first)).toBe(5)
      const next = (await store.change(add)).ring.keys[1]!.kid
      await store.change(async (each, at) => ({ ring: activateKey(each, next, at, { force: true }) }))
      await source.signingKey(600)
      now = 10_000
      await source.signingKey(600)
      const { tokensInUse } = await store.read()
      expect([tokensInUse.get(first), tokensInUse.get(next)]).toEqual([6, 1])
      await store.exchange([{ kid: first, expiresMinute: 1, tokens: 99, longestTtlSeconds: 900 }])
      expect((await store.read()).tokensInUse.get(first)).toBe(6)
    })

    it('signs with nothing that it took out, and keeps nothing of it', async () => {
      await store.change(add)
      const [first] = (await store.read()).ring.keys
      const fresh = await generateKey()
      await store.change(async (ring, now) => ({
        ring: revokeKey(ring, first!.kid, now, fresh.publicJwk),
        made: [fresh],
      }))
      await expect(store.privateJwk(first!.kid)).rejects.toMatchObject({ code: 'key_missing' })
      expect((await createRingSource(store).signingKey()).kid).toBe(fresh.kid)
      expect((await createRingSource(store).jwks()).keys).toEqual([fresh.publicJwk])
    })
  })

  it('in a file is refused for a folder that is not there', async () => {
    const store = createFileRing(join(tmpdir(), 'rowpass-no-such-folder', 'keyRing.jwk.json'))
    await expect(store.change(add)).rejects.toMatchObject({
      code: 'input_invalid',
      detail: expect.stringContaining('the folder does not exist'),
    })
  })

  it('in a file is readable by its owner alone', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'rowpass-ring-'))
    const path = join(folder, 'ring.json')
    await createFileRing(path).change(add)
    expect((await stat(path)).mode & 0o777).toBe(0o600)
    await rm(folder, { recursive: true })
  })
})

describePg('a key ring in PostgreSQL', () => {
  let database: TestDatabase
  beforeEach(async () => {
    database = await createTestDatabase({ contents: 'platform' })
  })
  afterEach(() => database.close())

  const open = (keys = encryptionKeys) =>
    createPostgresRing({ says: 'the test database', connect: connectTo(database.ownerUrl), encryptionKeys: keys })
  const asOwner = <T extends object>(sql: string, params: unknown[] = []) =>
    withConnection(database.ownerUrl, async (client) => (await client.query<T>(sql, params)).rows)
  const wraps = async () =>
    (await asOwner<{ wrapped_under: string }>('select wrapped_under from rowpass.signing_keys order by added_at')).map(
      (row) => row.wrapped_under,
    )

  it('SEC-25 holds no private member in plain, and none that another row could open', async () => {
    const made = await generateKey()
    await open().change(async (ring, now) => ({ ring: addKey(ring, made.publicJwk, now), made: [made] }))
    const [dump] = await asOwner<{ all: string }>('select string_agg(k::text, $1) as all from rowpass.signing_keys k', [
      '',
    ])
    expect(dump!.all).toContain(made.kid)
    expect(dump!.all).not.toContain(made.privateJwk.d)
    expect(await open().privateJwk(made.kid)).toEqual(made.privateJwk)
    await open().change(add)
    await asOwner(
      `update rowpass.signing_keys k set (wrapped_key, ciphertext) =
         (select o.wrapped_key, o.ciphertext from rowpass.signing_keys o where o.kid <> k.kid)`,
    )
    await expect(open().privateJwk(made.kid)).rejects.toMatchObject({ code: 'key_locked' })
  })

  it('SEC-24 refuses a second key that signs, whoever writes it', async () => {
    await open().change(add)
    await open().change(add)
    await expect(
      asOwner(`update rowpass.signing_keys set state = 'active', activated_at = now()`),
    ).rejects.toMatchObject({ code: '23505' })
  })

  it('SEC-25 puts keys under a new encryption key with the next change, or when it is told to', async () => {
    const [old, young] = [generateEncryptionKey('old'), generateEncryptionKey('young')]
    await open(await parseEncryptionKeys(old)).change(add)
    const both = open(await parseEncryptionKeys(`${young},${old}`))
    expect((await both.read()).wrappedUnder).toEqual(new Map([[(await both.read()).ring.keys[0]!.kid, 'old']]))
    await both.change(add)
    expect(await wraps()).toEqual(['young', 'young'])
    const third = generateEncryptionKey('third')
    const kids = (await both.read()).ring.keys.map(({ kid }) => kid)
    expect([...(await open(await parseEncryptionKeys(`${third},${young}`)).rewrap())].sort()).toEqual([...kids].sort())
    expect(await wraps()).toEqual(['third', 'third'])
    const alone = open(await parseEncryptionKeys(third))
    expect(await alone.rewrap()).toEqual([])
    expect((await createRingSource(alone).signingKey()).kid).toBe(kids[0])
  })

  it('SEC-25 says which encryption key is missing, changes nothing then, and still revokes', async () => {
    const [old, young] = [generateEncryptionKey('old'), generateEncryptionKey('young')]
    const [first] = (await open(await parseEncryptionKeys(old)).change(add)).ring.keys
    const other = open(await parseEncryptionKeys(young))
    await expect(other.rewrap()).rejects.toMatchObject({
      code: 'key_locked',
      detail: `${first!.kid}: it is encrypted under "old", which is not configured`,
    })
    await expect(createRingSource(other).signingKey()).rejects.toMatchObject({ code: 'key_locked' })
    // Instances that have "old" alone would not open what is made here, and sign nothing once it is active.
    await expect(other.change(add)).rejects.toMatchObject({ code: 'key_locked' })
    expect(await wraps()).toEqual(['old'])
    const { signs } = await revoke(other, first!.kid, 'ES256')
    expect(await wraps()).toEqual([null, 'young'])
    expect((await createRingSource(other).signingKey()).kid).toBe(signs)
  })

  it('SEC-25 lets no key sign where another encryption key of the same name is configured', async () => {
    const [right, wrong] = [generateEncryptionKey('same'), generateEncryptionKey('same')]
    const store = open(await parseEncryptionKeys(right))
    await store.change(add)
    const next = (await store.change(add)).ring.keys.at(-1)!
    const mistaken = open(await parseEncryptionKeys(wrong))
    for (const step of [() => mistaken.change(add), () => activate(mistaken, next.kid, { force: true })]) {
      await expect(step()).rejects.toMatchObject({
        code: 'key_locked',
        detail: expect.stringContaining('"same" is not the key under which it was encrypted'),
      })
    }
    // What destroys needs no key.
    await retire(mistaken, next.kid, {})
    await prune(mistaken, next.kid, { force: true })
    expect((await store.read()).ring.keys.map(({ state }) => state)).toEqual(['active', 'gone'])
  })

  it('is read by the issuer through functions alone, ciphertexts included, and changed by it in no other way', async () => {
    const { ring } = await open().change(add)
    const asIssuer = (sql: string) =>
      withConnection(database.issuerUrl, async (client) => (await client.query(sql)).rows[0])
    const { value } = await asIssuer(`select rowpass.sealed_signing_key('${ring.keys[0]!.kid}') as value`)
    expect(Object.keys(value).sort()).toEqual(['alg', 'ciphertext', 'wrappedKey', 'wrappedUnder'])
    for (const sql of [
      'select * from rowpass.signing_keys',
      `update rowpass.signing_keys set state = 'gone'`,
      'delete from rowpass.signing_key_uses',
      'update rowpass.key_ring set lag_seconds = 0',
    ]) {
      await expect(asIssuer(sql)).rejects.toMatchObject({ code: '42501' })
    }
    for (const url of [database.gatewayUrl]) {
      await expect(
        withConnection(url, (client) => client.query(`select rowpass.exchange_signing_keys('[]')`)),
      ).rejects.toMatchObject({ code: '42501' })
    }
  })

  it('drops notes that cannot be, without failing the rest', async () => {
    const { ring, nowMs } = await open().change(add)
    const minute = Math.ceil(nowMs / 60_000) + 5
    const use = { kid: ring.keys[0]!.kid, expiresMinute: minute, tokens: 1, longestTtlSeconds: 300 }
    await open().exchange([
      use,
      { ...use, kid: 'nobody' },
      { ...use, expiresMinute: minute + 2000 },
      { ...use, expiresMinute: 1 },
      { ...use, tokens: -5 },
      { ...use, longestTtlSeconds: 1e9 },
    ])
    const stored = await open().read()
    expect(stored.tokensInUse.get(use.kid)).toBe(1)
    expect(stored.ring.keys[0]!.longestTtlSeconds).toBe(900)
  })
})
