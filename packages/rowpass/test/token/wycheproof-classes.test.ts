/**
 * Each class of Wycheproof's `json_web_signature`, `json_web_key` and `json_web_crypto` vectors, made here by code of our
 * own: the original files are not in this repository. `npm run wycheproof -- <folder>` runs those.
 */
import { constants, createHash, createHmac, createPrivateKey, privateEncrypt } from 'node:crypto'
import { beforeAll, describe, expect, it } from 'vitest'
import { type AcceptedAlgorithm, algorithms as table } from '../../src/token/algorithms.ts'
import type { GeneratedKey } from '../../src/token/key.ts'
import { refusalOfJws } from './jws-vector.ts'
import * as t from './test-issuer.ts'

const algorithms = Object.keys(table) as AcceptedAlgorithm[]
const keys = {} as Record<AcceptedAlgorithm, GeneratedKey>

beforeAll(async () => {
  for (const alg of algorithms) keys[alg] = await t.keyNamed(`wycheproof ${alg}`, alg)
})

const headerOf = (alg: AcceptedAlgorithm, more: object = {}) =>
  t.b64(JSON.stringify({ alg, kid: keys[alg].kid, ...more }))
const signed = (alg: AcceptedAlgorithm, payload = 'foo', more: object = {}) =>
  t.signParts(headerOf(alg, more), t.b64(payload), keys[alg].privateJwk, alg)
const accepts = async (jws: unknown, members: readonly object[]) => (await refusalOfJws(members, jws)) === undefined
const published = (alg: AcceptedAlgorithm) => [keys[alg].publicJwk]

describe.each(algorithms)('%s', (alg) => {
  it.each([
    ['normal', 'foo'],
    ['empty', ''],
    ['one byte', 'a'],
    ['all zero', '\0'.repeat(32)],
  ])('SEC-14 accepts a valid signature of a payload: %s', async (_, payload) => {
    expect(await accepts(signed(alg, payload), published(alg))).toBe(true)
  })

  it.each<[string, (h: string, p: string, s: string) => unknown]>([
    ['the empty string', () => ''],
    ['an extra component', (h, p, s) => `${h}.${p}.${s}.${s}`],
    ['an extra empty component', (h, p, s) => `${h}.${p}.${s}.`],
    ['a missing header', (_, p, s) => `.${p}.${s}`],
    ['a missing header and separator', (_, p, s) => `${p}.${s}`],
    ['a missing header and signature', (_, p) => `.${p}.`],
    ['a missing header, signature and separators', (_, p) => p],
    ['a missing payload', (h, _, s) => `${h}..${s}`],
    ['a missing payload and separator', (h, _, s) => `${h}.${s}`],
    ['a missing signature', (h, p) => `${h}.${p}.`],
    ['a missing signature and separator', (h, p) => `${h}.${p}`],
    ['a modified header', (_, p, s) => `${headerOf(alg, { typ: 'JWT' })}.${p}.${s}`],
    ['a modified payload', (h, p, s) => `${h}.${p.replace('Z', 'A')}.${s}`],
    ['a modified signature', (h, p, s) => `${h}.${p}.${(s.startsWith('A') ? 'B' : 'A') + s.slice(1)}`],
    [
      'alg none without a signature (AlgIsNone)',
      (_, p) => `${t.b64(JSON.stringify({ alg: 'none', kid: keys[alg].kid }))}.${p}.`,
    ],
    [
      'alg none with a signature (AlgIsNone)',
      (_, p, s) => `${t.b64(JSON.stringify({ alg: 'none', kid: keys[alg].kid }))}.${p}.${s}`,
    ],
    [
      'the JSON serialisation (JsonSerialization)',
      (h, p, s) => JSON.stringify({ protected: h, payload: p, signature: s }),
    ],
    [
      'the JSON serialisation as an object (JsonSerialization)',
      (h, p, s) => ({ protected: h, payload: p, signature: s }),
    ],
    ['a character inserted in the header', (h, p, s) => `${h.slice(0, 5)}?${h.slice(5)}.${p}.${s}`],
    ['a character inserted in the payload', (h, p, s) => `${h}.${p}!.${s}`],
    ['a space in the signature', (h, p, s) => `${h}.${p}.${s.slice(0, 8)} ${s.slice(8)}`],
    ['padding on the payload', (h, p, s) => `${h}.${p}==.${s}`],
    [
      'unused bits in the payload',
      (h, p, s) => `${h}.${p.slice(0, -1)}${String.fromCharCode(p.charCodeAt(p.length - 1) + 1)}x.${s}`,
    ],
    [
      'a zero more on the signature',
      (h, p, s) => `${h}.${p}.${t.b64(Buffer.concat([Buffer.from(s, 'base64url'), Buffer.alloc(1)]))}`,
    ],
    [
      'a zero before the signature',
      (h, p, s) => `${h}.${p}.${t.b64(Buffer.concat([Buffer.alloc(1), Buffer.from(s, 'base64url')]))}`,
    ],
    ['a truncated signature', (h, p, s) => `${h}.${p}.${t.b64(Buffer.from(s, 'base64url').subarray(0, -1))}`],
  ])('SEC-14 rejects %s', async (_, change) => {
    const [header, payload, signature] = signed(alg).split('.') as [string, string, string]
    expect(await accepts(change(header, payload, signature), published(alg))).toBe(false)
  })

  it('SEC-14 rejects a key in the header (AttackerProvidedEmbeddedJwk)', async () => {
    const mallory = await t.keyNamed(`wycheproof mallory ${alg}`, alg)
    const header = headerOf(alg, { jwk: mallory.publicJwk })
    expect(await accepts(t.signParts(header, t.b64('foo'), mallory.privateJwk, alg), published(alg))).toBe(false)
  })

  it('SEC-14 rejects a public key that is used as a symmetric one (SymmetryConfusion)', async () => {
    const { publicJwk } = keys[alg]
    for (const secret of [JSON.stringify(publicJwk), publicJwk.x ?? '', publicJwk.y ?? '', publicJwk.n ?? '']) {
      const input = `${t.b64(JSON.stringify({ alg: 'HS256', kid: publicJwk.kid }))}.${t.b64('foo')}`
      const mac = createHmac('sha256', secret).update(input).digest('base64url')
      expect(await accepts(`${input}.${mac}`, published(alg))).toBe(false)
    }
  })

  it('SEC-14 rejects the key for other uses and operations (WrongUse, WrongKeyOps)', async () => {
    const jwk = keys[alg].publicJwk
    for (const change of [{ use: 'enc' }, { use: 'SIG' }, { key_ops: ['encrypt'] }, { key_ops: ['sign'] }]) {
      expect(await accepts(signed(alg), [{ ...jwk, ...change }])).toBe(false)
    }
    expect(await accepts(signed(alg), [{ ...jwk, key_ops: ['verify'] }])).toBe(true)
  })

  it('SEC-14 rejects another primitive under this key (WrongPrimitive)', async () => {
    const names = [...algorithms, 'HS256', 'HS384', 'HS512'].filter((name) => name !== alg)
    const [, payload, signature] = signed(alg).split('.')
    for (const name of names) {
      const header = t.b64(JSON.stringify({ alg: name, kid: keys[alg].kid }))
      expect(await accepts(`${header}.${payload}.${signature}`, published(alg))).toBe(false)
    }
  })

  it('SEC-14 accepts spaces in the JSON of the header', async () => {
    const header = t.b64(` {\n"alg" : "${alg}" ,\t"kid":"${keys[alg].kid}"} `)
    expect(await accepts(t.signParts(header, t.b64('foo'), keys[alg].privateJwk, alg), published(alg))).toBe(true)
  })
})

/** The orders of the groups (FIPS 186-5), and how many bytes a number takes. */
const curves = [
  ['ES256', 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n, 32],
  ['ES384', 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n, 48],
  [
    'ES512',
    0x1fffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffa51868783bf2f966b7fcc0148f709a5d03bb5c9b8899c47aebb6fb71e91386409n,
    66,
  ],
] as const

describe.each(curves)('%s with special values (SpecialCaseEs…)', (alg, n, size) => {
  const bytes = (value: bigint, length: number = size) =>
    Buffer.from(value.toString(16).padStart(length * 2, '0'), 'hex')
  const withSignature = (signature: Buffer) => `${headerOf(alg)}.${t.b64('foo')}.${t.b64(signature)}`
  const most = 2n ** BigInt(size * 8)
  const values = { '0': 0n, '1': 1n, 'n - 1': n - 1n, n, 'n + 1': n + 1n, 'the largest': most - 1n }

  it.each(Object.entries(values).flatMap(([r, x]) => Object.entries(values).map(([s, y]) => [r, s, x, y] as const)))(
    'SEC-14 rejects r = %s, s = %s',
    async (_r, _s, r, s) => {
      expect(await accepts(withSignature(Buffer.concat([bytes(r), bytes(s)])), published(alg))).toBe(false)
    },
  )

  it.each<[string, (r: bigint, s: bigint) => Buffer]>([
    ['r + n (IntegerOverflow)', (r, s) => Buffer.concat([bytes((r + n) % most), bytes(s)])],
    ['r + n in a byte more (RisTooBig)', (r, s) => Buffer.concat([bytes(r + n, size + 1), bytes(s)])],
    ['s + n in a byte more (SisTooBig)', (r, s) => Buffer.concat([bytes(r), bytes(s + n, size + 1)])],
    ['r and s in a byte more', (r, s) => Buffer.concat([bytes(r, size + 1), bytes(s, size + 1)])],
    ['leading zeros', (r, s) => Buffer.concat([Buffer.alloc(8), bytes(r), bytes(s)])],
    ['trailing zeros (TrailingZeros)', (r, s) => Buffer.concat([bytes(r), bytes(s), Buffer.alloc(2)])],
    ['1,024 bytes more (BufferOverflow)', (r, s) => Buffer.concat([bytes(r), bytes(s), Buffer.alloc(1024, 1)])],
    ['r and s in each other’s place', (r, s) => Buffer.concat([bytes(s), bytes(r)])],
    ['DER instead of raw', (r, s) => der(r, s)],
  ])('SEC-14 rejects a valid signature with %s', async (_, change) => {
    const raw = Buffer.from(signed(alg).split('.')[2]!, 'base64url').toString('hex')
    const changed = change(BigInt(`0x${raw.slice(0, 2 * size)}`), BigInt(`0x${raw.slice(2 * size)}`))
    expect(await accepts(withSignature(changed), published(alg))).toBe(false)
  })

  function der(r: bigint, s: bigint): Buffer {
    const integer = (value: bigint) => Buffer.concat([Buffer.from([2, size + 1, 0]), bytes(value)])
    return Buffer.concat([
      Buffer.from(size > 60 ? [0x30, 0x81, 2 * size + 6] : [0x30, 2 * size + 6]),
      integer(r),
      integer(s),
    ])
  }
})

/** Applies the private key of RSA to a block as it is, which is how any padding can be signed. */
function rawRsa(alg: AcceptedAlgorithm, block: Uint8Array): string {
  const key = createPrivateKey({ key: keys[alg].privateJwk as never, format: 'jwk' })
  return t.b64(privateEncrypt({ key, padding: constants.RSA_NO_PADDING }, block))
}

const inputOf = (alg: AcceptedAlgorithm) => `${headerOf(alg)}.${t.b64('foo')}`
/** SHA-2 of the size that the algorithm has in its name. */
const sha2 = (alg: AcceptedAlgorithm, ...parts: (string | Uint8Array)[]) => {
  const hash = createHash(`sha${alg.slice(2)}`)
  for (const part of parts) hash.update(part)
  return hash.digest()
}

/** The last number of the OID of each hash (RFC 8017 §B.1), and its bytes. */
describe.each([
  ['RS256', 1, 32],
  ['RS384', 2, 48],
  ['RS512', 3, 64],
] as const)('%s with changed padding (ModifiedPadding)', (alg, own, size) => {
  const oid = [0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02]
  const algorithmOf = (last: number = own, parameters = [0x05, 0x00]) => {
    const inner = [0x06, oid.length + 1, ...oid, last, ...parameters]
    return [0x30, inner.length, ...inner]
  }
  const digestInfo = (
    hash: Uint8Array,
    algorithm = algorithmOf(),
    octets = [0x04, hash.length, ...hash],
    after: number[] = [],
  ) => [...[0x30, algorithm.length + octets.length + after.length], ...[...algorithm, ...octets, ...after]]
  const pad = (
    info: readonly number[],
    { first = 0, type = 1, fill = 255, separator = [0], after = [] as number[] } = {},
  ) => {
    const filled = 256 - 2 - separator.length - info.length - after.length
    return Uint8Array.from([first, type, ...Array(filled).fill(fill), ...separator, ...info, ...after])
  }
  const hash = () => sha2(alg, inputOf(alg))

  it('SEC-14 accepts the one padding that there is', async () => {
    expect(await accepts(`${inputOf(alg)}.${rawRsa(alg, pad(digestInfo(hash())))}`, published(alg))).toBe(true)
  })

  it.each<[string, (hash: Buffer) => Uint8Array]>([
    ['no NULL', (h) => pad(digestInfo(h, algorithmOf(own, [])))],
    ['a NULL of another tag', (h) => pad(digestInfo(h, algorithmOf(own, [0x04, 0x00])))],
    ['a NULL with content', (h) => pad(digestInfo(h, algorithmOf(own, [0x05, 0x01, 0x00])))],
    ['a NULL with a long length', (h) => pad(digestInfo(h, algorithmOf(own, [0x05, 0x81, 0x00])))],
    ['a NULL after the NULL', (h) => pad(digestInfo(h, algorithmOf(own, [0x05, 0x00, 0x05, 0x00])))],
    ['garbage in the parameters', (h) => pad(digestInfo(h, algorithmOf(own, [0x05, 0x00, 1, 2, 3])))],
    ['the OID of another hash', (h) => pad(digestInfo(h, algorithmOf((own % 3) + 1)))],
    ['the OID of SHA-224', (h) => pad(digestInfo(h, algorithmOf(4)))],
    ['the OID of nothing', (h) => pad(digestInfo(h, algorithmOf(99)))],
    ['no OID', (h) => pad(digestInfo(h, [0x30, 0x02, 0x05, 0x00]))],
    ['no algorithm', (h) => pad(digestInfo(h, []))],
    ['no DigestInfo, the hash alone', (h) => pad([...h])],
    ['a hash of another tag', (h) => pad(digestInfo(h, algorithmOf(), [0x03, size, ...h]))],
    ['a hash with a long length', (h) => pad(digestInfo(h, algorithmOf(), [0x04, 0x81, size, ...h]))],
    [
      'a hash with an indefinite length',
      (h) => pad(digestInfo(h, algorithmOf(), [0x24, 0x80, 0x04, size, ...h, 0, 0])),
    ],
    ['a zero after the hash, inside', (h) => pad(digestInfo(h, algorithmOf(), [0x04, size + 1, ...h, 0]))],
    ['garbage after the hash, inside', (h) => pad(digestInfo(h, algorithmOf(), undefined, [0x04, 2, 1, 2]))],
    ['zeros after the DigestInfo', (h) => pad(digestInfo(h), { after: [0, 0, 0] })],
    ['garbage after the DigestInfo (Bleichenbacher 2006)', (h) => pad(digestInfo(h), { after: Array(120).fill(7) })],
    [
      'a padding of eight bytes',
      (h) =>
        Uint8Array.from([
          0,
          1,
          ...Array(8).fill(255),
          0,
          ...digestInfo(h),
          ...Array(256 - 11 - digestInfo(h).length).fill(9),
        ]),
    ],
    [
      'no padding',
      (h) => Uint8Array.from([0, 1, 0, ...digestInfo(h), ...Array(256 - 3 - digestInfo(h).length).fill(9)]),
    ],
    ['a padding of other bytes', (h) => pad(digestInfo(h), { fill: 254 })],
    ['a padding of zeros', (h) => pad(digestInfo(h), { fill: 0 })],
    ['no separator', (h) => pad(digestInfo(h), { separator: [] })],
    ['another separator', (h) => pad(digestInfo(h), { separator: [1] })],
    ['block type 0', (h) => pad(digestInfo(h), { type: 0 })],
    ['block type 2', (h) => pad(digestInfo(h), { type: 2 })],
    ['a first byte of 1', (h) => pad(digestInfo(h), { first: 1 })],
    ['the hash of another text', () => pad(digestInfo(sha2(alg, 'bar')))],
    ['a hash of 20 bytes', (h) => pad(digestInfo(h.subarray(0, 20)))],
    ['an empty hash', () => pad(digestInfo(Buffer.alloc(0)))],
  ])('SEC-14 rejects %s', async (_, block) => {
    expect(await accepts(`${inputOf(alg)}.${rawRsa(alg, block(hash()))}`, published(alg))).toBe(false)
  })
})

describe.each([
  ['PS256', 32],
  ['PS384', 48],
  ['PS512', 64],
] as const)('%s with a changed encoding', (alg, size) => {
  interface Encoding {
    readonly salt?: Buffer
    readonly hashed?: Buffer
    readonly separator?: number
    readonly zeros?: number
    readonly trailer?: number
    /** The byte in which a bit is turned before the private key is applied. */
    readonly flip?: number
  }

  /** EMSA-PSS (RFC 8017 §9.1.1) for 2048 bits. */
  function encode({
    salt = Buffer.alloc(size, 7),
    hashed = sha2(alg, inputOf(alg)),
    separator = 1,
    zeros = 0,
    trailer = 0xbc,
    flip,
  }: Encoding): Buffer {
    const hash = sha2(alg, Buffer.alloc(8), hashed, salt)
    const data = Buffer.concat([Buffer.alloc(256 - salt.length - size - 2, zeros), Buffer.from([separator]), salt])
    const mask = Buffer.concat(
      Array.from({ length: 7 }, (_, i) => sha2(alg, hash, Buffer.from([0, 0, 0, i]))),
    ).subarray(0, data.length)
    const block = Buffer.concat([data.map((byte, i) => byte ^ mask[i]!), hash, Buffer.from([trailer])])
    block[0]! &= 0x7f
    if (flip !== undefined) block[flip]! ^= 1
    return block
  }

  it.each(['a salt as long as the hash', 'a salt of zeros', 'a salt of ones'])('SEC-14 accepts %s', async (title) => {
    const salt = Buffer.alloc(size, title.endsWith('zeros') ? 0 : title.endsWith('ones') ? 255 : 7)
    expect(await accepts(`${inputOf(alg)}.${rawRsa(alg, encode({ salt }))}`, published(alg))).toBe(true)
  })

  it.each<[string, () => Encoding]>([
    ...[0, 1, 20, size - 1, size + 1, 70].map((length): [string, () => Encoding] => [
      `a salt of ${length} bytes (SaltLenChanged)`,
      () => ({ salt: Buffer.alloc(length, 7) }),
    ]),
    ['the hash of another text (ModifiedHash)', () => ({ hashed: sha2(alg, 'bar') })],
    ['a changed first byte of the hash (MhashModified)', () => ({ flip: 255 - size })],
    ['a changed last byte of the hash (MhashModified)', () => ({ flip: 254 })],
    ['a changed masked block (MaskedDbChanged)', () => ({ flip: 5 })],
    ['a changed salt (SaltModified)', () => ({ flip: 254 - size })],
    ['padding that is not zero (ZeroPaddingModified)', () => ({ zeros: 1 })],
    ['another separator (PSModified)', () => ({ separator: 2 })],
    ['another trailer (EmModified)', () => ({ trailer: 0xbd })],
    ['a trailer of the ISO form', () => ({ trailer: 0xcc })],
  ])('SEC-14 rejects %s', async (_, encoding) => {
    expect(await accepts(`${inputOf(alg)}.${rawRsa(alg, encode(encoding()))}`, published(alg))).toBe(false)
  })

  it.each(['0', '1', 'n - 1', 'n', 's + n'])('SEC-14 rejects the signature %s, of either padding', async (title) => {
    for (const each of [alg, alg.replace('PS', 'RS') as 'RS256']) {
      const n = BigInt(`0x${Buffer.from(keys[each].publicJwk.n!, 'base64url').toString('hex')}`)
      const s = BigInt(`0x${Buffer.from(signed(each).split('.')[2]!, 'base64url').toString('hex')}`)
      const value = { '0': 0n, '1': 1n, 'n - 1': n - 1n, n, 's + n': s + n }[title]!
      const hex = value.toString(16).padStart(512, '0')
      expect(
        await accepts(
          `${inputOf(each)}.${t.b64(Buffer.from(hex.padStart(hex.length + (hex.length % 2), '0'), 'hex'))}`,
          published(each),
        ),
      ).toBe(false)
    }
  })
})

describe('Ed25519', () => {
  it.each([
    '0100000000000000000000000000000000000000000000000000000000000000',
    '00'.repeat(32),
    'ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f',
  ])('SEC-14 rejects the key of small order %s, under which anything verifies', async (hex) => {
    const x = t.b64(Buffer.from(hex, 'hex'))
    const jws = `${t.b64(JSON.stringify({ alg: 'EdDSA', kid: 'a' }))}.${t.b64('foo')}`
    const signature = t.b64(Buffer.concat([Buffer.from(hex, 'hex'), Buffer.alloc(32)]))
    expect(await accepts(`${jws}.${signature}`, [{ kty: 'OKP', crv: 'Ed25519', x, kid: 'a' }])).toBe(false)
  })

  it('SEC-14 rejects s + L, the same signature in another form', async () => {
    const order = 2n ** 252n + 27742317777372353535851937790883648493n
    const raw = Buffer.from(signed('EdDSA').split('.')[2]!, 'base64url')
    const s = BigInt(`0x${Buffer.from(raw.subarray(32)).reverse().toString('hex')}`) + order
    const high = Buffer.from(s.toString(16).padStart(64, '0'), 'hex').reverse()
    const jws = `${headerOf('EdDSA')}.${t.b64('foo')}.${t.b64(Buffer.concat([raw.subarray(0, 32), high]))}`
    expect(await accepts(jws, published('EdDSA'))).toBe(false)
  })
})

describe('key sets (JsonWebKeyset)', () => {
  it('SEC-14 finds the key by its kid among others', async () => {
    const all = algorithms.map((alg) => keys[alg].publicJwk)
    for (const alg of algorithms) expect(await accepts(signed(alg), all)).toBe(true)
  })

  it.each<[string, () => object[]]>([
    [
      'two keys of one kid (DuplicateKid)',
      () => [keys.ES256.publicJwk, { ...keys.EdDSA.publicJwk, kid: keys.ES256.kid }],
    ],
    ['another curve by name (wrong_curve)', () => [{ ...keys.ES256.publicJwk, crv: 'P-384' }]],
    ['an algorithm for another curve (mismatchedAlgAndCurve)', () => [{ ...keys.ES256.publicJwk, alg: 'ES512' }]],
    ['an unknown algorithm (invalid_algorithm)', () => [{ ...keys.ES256.publicJwk, alg: 'ES224' }]],
    ['another use (invalid_use)', () => [{ ...keys.ES256.publicJwk, use: 'signature' }]],
    [
      'a point that is not on the curve (invalid_point)',
      () => [{ ...keys.ES256.publicJwk, x: keys.ES256.publicJwk.y }],
    ],
    ['another type (wrong_kty)', () => [{ ...keys.ES256.publicJwk, kty: 'RSA' }]],
    [
      'a symmetric key (rejectsAesKey)',
      () => [{ kty: 'oct', k: t.b64('secret'), kid: keys.ES256.kid, alg: 'A256GCM' }],
    ],
  ])('SEC-14 rejects a valid signature where the set holds %s', async (_, members) => {
    expect(await accepts(signed('ES256'), members())).toBe(false)
  })

  it('SEC-14 takes no symmetric key of a set of both kinds (MixedKeySet)', async () => {
    const secret = Buffer.alloc(32, 5)
    const oct = { kty: 'oct', alg: 'HS256', k: t.b64(secret), kid: 'shared' }
    const input = `${t.b64(JSON.stringify({ alg: 'HS256', kid: 'shared' }))}.${t.b64('foo')}`
    const mac = createHmac('sha256', secret).update(input).digest('base64url')
    expect(await accepts(`${input}.${mac}`, [oct, keys.ES256.publicJwk])).toBe(false)
    expect(await accepts(signed('ES256'), [oct, keys.ES256.publicJwk])).toBe(true)
  })

  it.each([
    ['1024 bits', (n: string) => n.slice(0, 171), 'AQAB'],
    ['the exponent 1', (n: string) => n, 'AQ'],
    ['an even exponent', (n: string) => n, 'AAAC'],
  ])('SEC-14 rejects an RSA key of %s', async (_, change, e) => {
    const { n, ...jwk } = keys.RS256.publicJwk
    expect(await accepts(signed('RS256'), [{ ...jwk, n: change(n!), e }])).toBe(false)
  })
})
