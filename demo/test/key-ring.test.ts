import { inspect } from 'node:util'
import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest'
import { connectTo, withConnection } from '../../packages/rowpass/src/database/connect.ts'
import { generateEncryptionKey, parseEncryptionKeys } from '../../packages/rowpass/src/issuer/ring/encryption.ts'
import { createPostgresRing } from '../../packages/rowpass/src/issuer/ring/postgres.ts'
import { activateKey, addKey, createRing, revokeKey } from '../../packages/rowpass/src/issuer/ring/ring.ts'
import { defaultTiming } from '../../packages/rowpass/src/issuer/ring/ring-store.ts'
import { formatKeyRing } from '../../packages/rowpass/src/issuer/ring/text.ts'
import { generateKey } from '../../packages/rowpass/src/token/key.ts'
import { describePg } from '../../packages/rowpass/test/support/pg.ts'
import { type Bindings, parseSettings } from '../src/env.ts'
import { askApp } from './conform.ts'
import { type Stack, startStack } from './stack.ts'

const ask = async (bindings: Bindings, path: string) => {
  const response = await askApp(path, {}, bindings)
  // biome-ignore lint/suspicious/noExplicitAny: what the body is, each test says
  return { status: response.status, headers: response.headers, body: (await response.json()) as any }
}
const signIn = async (bindings: Bindings): Promise<string> => (await ask(bindings, '/api/token')).body.access_token
const published = async (bindings: Bindings) => (await ask(bindings, '/.well-known/jwks.json')).body
const verify = async (token: string, jwks: { keys: [] }) => jwtVerify(token, createLocalJWKSet(jwks))

describePg('the API with the ring in the database', () => {
  let stack: Stack
  const secret = generateEncryptionKey('test')
  beforeAll(async () => {
    stack = await startStack({ ROWPASS_PASSWORD_MODE: 'true', ROWPASS_PASSWORD_USERS: 'rowpass_issuer' })
  })
  afterAll(() => stack.close())

  /** A new object each time: another instance, with no copy of the ring yet. */
  const instance = (change: Partial<Bindings> = {}): Bindings => ({
    ...stack.bindings,
    PRIVATE_KEY: '',
    KEY_ENCRYPTION_KEYS: secret,
    ISSUER_DATABASE_URL: stack.database.issuerUrl,
    ...change,
  })
  const store = async () =>
    createPostgresRing({
      says: 'the test database',
      connect: connectTo(stack.database.ownerUrl),
      encryptionKeys: await parseEncryptionKeys(secret),
      timing: { ...defaultTiming, jwksMaxAgeSeconds: 120 },
    })
  const add = async () => {
    const key = await generateKey()
    await (await store()).change(async (ring, now) => ({ ring: addKey(ring, key.publicJwk, now), made: [key] }))
    return key
  }
  beforeEach(() =>
    withConnection(stack.database.ownerUrl, async (client) => {
      await client.query('truncate rowpass.key_ring, rowpass.signing_keys cascade')
    }),
  )

  it('SEC-22 signs with the active key, publishes with the max-age of the ring, and counts the token', async () => {
    const key = await add()
    const bindings = instance()
    const token = await signIn(bindings)
    expect(decodeProtectedHeader(token).kid).toBe(key.kid)
    const { headers, body } = await ask(bindings, '/.well-known/jwks.json')
    expect(headers.get('Cache-Control')).toBe('public, max-age=120')
    expect(body).toEqual({ keys: [key.publicJwk] })
    await verify(token, body)
    expect((await (await store()).read()).tokensInUse.get(key.kid)).toBe(1)
  })

  it('SEC-23 follows a rotation within the lag, and no token fails on the way', async () => {
    vi.useFakeTimers({ toFake: ['performance'] })
    try {
      const [first, second] = [await add(), await add()]
      const bindings = instance()
      const before = await signIn(bindings)
      await (await store()).change(async (ring, now) => ({ ring: activateKey(ring, second.kid, now, { force: true }) }))
      vi.advanceTimersByTime(defaultTiming.lagSeconds * 1000)
      const after = await signIn(bindings)
      expect([before, after].map((token) => decodeProtectedHeader(token).kid)).toEqual([first.kid, second.kid])
      for (const token of [before, after]) await verify(token, await published(bindings))
      await (await store()).change(async (ring, now) => ({ ring: revokeKey(ring, first.kid, now) }))
      vi.advanceTimersByTime(defaultTiming.lagSeconds * 1000)
      await expect(verify(before, await published(bindings))).rejects.toMatchObject({
        code: 'ERR_JWKS_NO_MATCHING_KEY',
      })
    } finally {
      vi.useRealTimers()
    }
  })

  it('says that there is no key yet, and begins to sign once there is one', async () => {
    const bindings = instance()
    expect(await ask(bindings, '/.well-known/jwks.json')).toMatchObject({ status: 500, body: { code: 'key_missing' } })
    const { kid } = await add()
    expect(decodeProtectedHeader(await signIn(bindings)).kid).toBe(kid)
  })

  const wrongPassword = () => {
    const url = new URL(stack.database.issuerUrl)
    url.password = 'canary'
    return { ISSUER_DATABASE_URL: url.href }
  }
  it.each([
    ['the login is refused', wrongPassword, 500, 'internal'],
    [
      'the encryption key is another',
      () => ({ KEY_ENCRYPTION_KEYS: generateEncryptionKey('test') }),
      500,
      'key_locked',
    ],
  ])('SEC-25 signs nothing when %s, and tells nobody why', async (_, change, status, code) => {
    const { privateJwk } = await add()
    const answer = await ask(instance(change()), '/api/token')
    expect(answer).toMatchObject({ status, body: { code } })
    expect(JSON.stringify(answer.body)).not.toMatch(new RegExp(`canary|${privateJwk.d}`))
  })

  it('of 60 sign-ins at once, at an instance that knows nothing yet, none fails', async () => {
    await add()
    const bindings = instance()
    const answers = await Promise.all(Array.from({ length: 60 }, () => ask(bindings, '/api/token')))
    expect(answers.filter(({ status }) => status !== 200)).toEqual([])
  })

  it('SEC-25 shows no key in its settings, however they are printed', async () => {
    const { privateJwk } = await add()
    const settings = await parseSettings(instance())
    await settings.keys.signingKey()
    const text = JSON.stringify(settings) + inspect(settings, { depth: 9, showHidden: true })
    for (const canary of [privateJwk.d, secret.split(':')[1]]) {
      expect(text).not.toContain(canary)
    }
  })
})

describe('the API with a ring in a secret', () => {
  it('signs with its active key and publishes all that are not gone', async () => {
    const [one, two] = [await generateKey(), await generateKey('EdDSA')]
    const ring = addKey(addKey(createRing(defaultTiming), one.publicJwk, 0), two.publicJwk, 0)
    const privateJwks = new Map([one, two].map(({ kid, privateJwk }) => [kid, privateJwk]))
    const bindings: Bindings = {
      DATABASE_URL: 'postgresql://authenticated@127.0.0.1:5432/rowpass',
      KEY_RING: formatKeyRing({ ring, privateJwks, uses: [] }),
      GATEWAY_URL: 'http://127.0.0.1:4444/sql',
      DEMO: 'true',
    }
    const token = await signIn(bindings)
    expect(decodeProtectedHeader(token).kid).toBe(one.kid)
    const jwks = await published(bindings)
    expect(jwks).toEqual({ keys: [one.publicJwk, two.publicJwk] })
    await verify(token, jwks)
  })
})
