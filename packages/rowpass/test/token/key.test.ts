import { execFileSync } from 'node:child_process'
import { generateKeyPairSync } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Failure } from '../../src/errors.ts'
import { type Algorithm, generateKey, importSigningKey, toPublicJwk } from '../../src/token/key.ts'

const every: readonly Algorithm[] = ['ES256', 'RS256', 'PS256', 'EdDSA']
const privateNames = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

/** The example key of RFC 7638 §3.1. */
const rfc7638 = {
  kty: 'RSA',
  n: '0vx7agoebGcQSuuPiLJXZptN9nndrQmbXEps2aiAFbWhM78LhWx4cbbfAAtVT86zwu1RK7aPFFxuhDR1L6tSoc_BJECPebWKRXjBZCiFV4n3oknjhMstn64tZ_2W-5JsGY4Hc5n9yBXArwl93lqt7_RN5w6Cf0h4QyQ5v-65YGjQR0_FDW2QvzqY368QQMicAtaSqzs8KJZgnYb9c7d0zgdAZHzu6qMQvRL5hajrn1n91CbOpbISD08qNLyrdkt-bFTWhAI4vMQFh6WeZu0fM4lFd2NcRwr3XPksINHaQ-G_xBniIqbw0Ls1jF44-csFCur-kEgU8awapJzKnqDKgw',
  e: 'AQAB',
  alg: 'RS256',
  kid: '2011-04-29',
}

/** The example key of RFC 8037, appendix A.1. */
const rfc8037 = {
  kty: 'OKP',
  crv: 'Ed25519',
  d: 'nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A',
  x: '11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo',
}

const detailOf = async (work: Promise<unknown>) =>
  work.then(
    () => 'accepted',
    (error: unknown) => {
      expect(error).toBeInstanceOf(Failure)
      expect((error as Failure).code).toBe('key_invalid')
      return (error as Failure).detail
    },
  )

describe('a key', () => {
  it('SEC-21 is named by its thumbprint, as in the example of RFC 7638', async () => {
    expect((await toPublicJwk({ ...rfc7638, kid: undefined })).kid).toBe('NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs')
  })

  it('SEC-21 is named by its thumbprint, as in the example of RFC 8037', async () => {
    const publicJwk = await toPublicJwk(rfc8037)
    expect(publicJwk).toEqual({
      kty: 'OKP',
      use: 'sig',
      alg: 'EdDSA',
      kid: 'kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k',
      crv: 'Ed25519',
      x: rfc8037.x,
    })
    expect((await importSigningKey(rfc8037)).kid).toBe(publicJwk.kid)
  })

  it('is ES256 unless another algorithm is asked for', async () => {
    expect(await generateKey()).toMatchObject({ alg: 'ES256', publicJwk: { kty: 'EC', crv: 'P-256' } })
  })

  it('has a name that no command line takes for an option', async () => {
    const kids = await Promise.all(Array.from({ length: 200 }, async () => (await generateKey()).kid))
    expect(kids.filter((kid) => kid.startsWith('-'))).toEqual([])
  })

  it('of RSA has 2048 bits', async () => {
    const { publicJwk } = await generateKey('RS256')
    expect(Buffer.from(publicJwk.n ?? '', 'base64url')).toHaveLength(256)
  })

  it.each(['HS256', 'ES384', 'none', '', 'toString'])('is not made for %j', async (alg) => {
    await expect(generateKey(alg as Algorithm)).rejects.toThrow(TypeError)
  })

  it.each(every)('for %s keeps its name through every form, and signs', async (alg) => {
    const made = await generateKey(alg)
    const signing = await importSigningKey(JSON.stringify(made.privateJwk))
    expect(signing).toMatchObject({ kid: made.kid, alg, publicJwk: made.publicJwk })
    expect(await importSigningKey(made.privateJwk)).toMatchObject({ kid: made.kid })
    expect(await toPublicJwk(made.publicJwk)).toEqual(made.publicJwk)
    expect(signing.privateKey.usages).toEqual(['sign'])
    await expect(crypto.subtle.exportKey('jwk', signing.privateKey)).rejects.toThrow()
  })
})

describe('the public half', () => {
  it.each(every)('SEC-20 of a private %s key has its public members and no other', async (alg) => {
    const { privateJwk, publicJwk } = await generateKey(alg)
    const noisy = {
      ...privateJwk,
      oth: [{ r: 'secret' }],
      k: 'secret',
      priv: 'secret',
      note: 'secret',
      key_ops: ['sign'],
    }
    const cut = await toPublicJwk(JSON.stringify(noisy))
    expect(cut).toEqual(publicJwk)
    const material = { EC: ['crv', 'x', 'y'], RSA: ['n', 'e'], OKP: ['crv', 'x'] }[cut.kty]
    expect(Object.keys(cut).sort()).toEqual([...material, 'alg', 'kid', 'kty', 'use'].sort())
    for (const name of privateNames) expect(Object.keys(cut)).not.toContain(name)
    expect(JSON.stringify(cut)).not.toContain('secret')
  })

  it('SEC-21 keeps the kid that it came with, private or public, and is named by thumbprint without', async () => {
    const { publicJwk, privateJwk, kid } = await generateKey()
    expect(await toPublicJwk({ ...publicJwk, kid: 'mine' })).toMatchObject({ kid: 'mine' })
    const key = await importSigningKey(JSON.stringify({ ...privateJwk, kid: 'mine' }))
    expect([key.kid, key.publicJwk.kid]).toEqual(['mine', 'mine'])
    expect(await importSigningKey({ ...privateJwk, kid: undefined })).toMatchObject({ kid })
    for (const wrong of ['', 7, 'k'.repeat(257)]) {
      await expect(toPublicJwk({ ...publicJwk, kid: wrong })).rejects.toMatchObject({ code: 'key_invalid' })
    }
  })

  it('is refused as PEM, in each spelling of it, with a command that makes a JWK of it', async () => {
    for (const type of ['pkcs8', 'sec1'] as const) {
      const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
      const pem = privateKey.export({ type, format: 'pem' }).toString()
      const spellings = [
        pem,
        JSON.stringify(pem),
        pem.replaceAll('\n', '\\n'),
        pem.split('\n')[0],
        Buffer.from(pem).toString('base64'),
      ]
      for (const spelling of spellings) {
        const failure = await importSigningKey(spelling).catch((error) => error)
        expect(failure).toMatchObject({ code: 'key_invalid', detail: expect.stringContaining('It is a PEM key') })
        expect(failure.detail).not.toContain(pem.split('\n')[1])
        const [, program = ''] = /node -p '([^']+)'/.exec(failure.detail) ?? []
        const folder = mkdtempSync(join(tmpdir(), 'pem-'))
        writeFileSync(join(folder, 'key.pem'), pem)
        const jwk = execFileSync(process.execPath, ['-p', program], { cwd: folder, encoding: 'utf8' })
        expect((await importSigningKey(jwk)).alg).toBe('ES256')
        rmSync(folder, { recursive: true })
      }
    }
  })

  it('of an RSA key without alg is for RS256', async () => {
    const { alg: _, ...bare } = rfc7638
    expect(await toPublicJwk(bare)).toMatchObject({ alg: 'RS256' })
    expect(await toPublicJwk({ ...bare, alg: 'PS256' })).toMatchObject({ alg: 'PS256' })
  })
})

describe('what is not a key', () => {
  it.each([
    undefined,
    null,
    7,
    '',
    'secret',
    '[]',
    'null',
    '"secret"',
    '{}',
    '{"kty":"oct","k":"secret"}',
    '{"kty":"EC"}',
  ])('is refused (%j), and not quoted', async (input) => {
    for (const read of [toPublicJwk, importSigningKey]) {
      const failure = await read(input).catch((error: Failure) => error)
      expect(failure).toMatchObject({ code: 'key_invalid', cause: undefined })
      expect(JSON.stringify([(failure as Failure).detail, (failure as Failure).stack])).not.toContain('secret"')
    }
  })

  it('is refused for encryption, for another curve, or too weak', async () => {
    const { publicJwk } = await generateKey()
    expect(await detailOf(toPublicJwk({ ...publicJwk, use: 'enc' }))).toContain('"use"')
    expect(await detailOf(toPublicJwk({ ...publicJwk, crv: 'P-384' }))).toContain('ES256')
    expect(await detailOf(toPublicJwk({ ...publicJwk, alg: 'ES384' }))).toContain('ES256')
    expect(await detailOf(toPublicJwk({ ...publicJwk, y: publicJwk.x }))).toContain('malformed')
    expect(await detailOf(toPublicJwk({ ...rfc7638, n: rfc7638.n.slice(0, 172) }))).toContain('2048')
    expect(await detailOf(toPublicJwk({ ...rfc7638, e: 'AQ' }))).toContain('exponent')
  })
})

describe('a private key', () => {
  it('without its private part does not sign', async () => {
    const { publicJwk } = await generateKey()
    expect(await detailOf(importSigningKey(publicJwk))).toBe('The private key has no member "d"')
  })

  it.each(every)('for %s whose halves are of two pairs is refused', async (alg) => {
    const [one, two] = [await generateKey(alg), await generateKey(alg)]
    const { kty, d, p, q, dp, dq, qi } = one.privateJwk
    const secret = kty === 'RSA' ? { d, p, q, dp, dq, qi } : { d }
    const mixed = { ...two.publicJwk, ...secret }
    expect(await detailOf(importSigningKey(mixed))).toMatch(/malformed|belong together/)
  })
})
