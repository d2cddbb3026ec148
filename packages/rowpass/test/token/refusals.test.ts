import { createHmac, createPublicKey } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { Failure } from '../../src/errors.ts'
import type { GeneratedKey } from '../../src/token/key.ts'
import * as t from './test-issuer.ts'

let key: GeneratedKey
let stranger: GeneratedKey
let server: t.TestServer
let verifier: t.TestVerifier

beforeAll(async () => {
  key = await t.keyNamed('first')
  stranger = await t.keyNamed('stranger')
  server = await t.startServer(t.publish([key]))
  verifier = t.verifierOf([t.trusted(server.url)])
})

afterAll(() => server.close())

type Row = readonly [title: string, token: () => string, reason: string]

const spellingsOfNone = ['none', 'None', 'NONE', 'nOnE', 'none ', '']

const refusals: Record<string, readonly Row[]> = {
  algorithm: [
    ['SEC-1 an algorithm that the issuer may not use', () => t.tokenOf(key, {}, { alg: 'RS256' }), 'algorithm'],
    ['SEC-1 an algorithm of another size', () => t.tokenOf(key, {}, { alg: 'ES384' }), 'algorithm'],
    ['SEC-1 an algorithm that is a property name', () => t.tokenOf(key, {}, { alg: '__proto__' }), 'algorithm'],
    ['SEC-1 an algorithm in another case', () => t.tokenOf(key, {}, { alg: 'es256' }), 'algorithm'],
    ['SEC-1 no algorithm', () => t.tokenOf(key, {}, { alg: undefined }), 'header'],
    ['SEC-1 an algorithm that is a list', () => t.tokenOf(key, {}, { alg: ['ES256'] }), 'header'],
    ...spellingsOfNone.map(
      (alg): Row => [
        `SEC-2 alg "${alg}" with a signature`,
        () => t.tokenOf(key, {}, { alg }),
        alg === '' ? 'header' : 'algorithm',
      ],
    ),
    ...spellingsOfNone.map(
      (alg): Row => [
        `SEC-2 alg "${alg}" with an empty signature`,
        () => t.tokenOf(key, {}, { alg }).replace(/[^.]*$/, ''),
        'format',
      ],
    ),
    ['SEC-2 an empty signature', () => t.tokenOf(key).replace(/[^.]*$/, ''), 'format'],
    ['SEC-2 two parts', () => t.tokenOf(key).replace(/\.[^.]*$/, ''), 'format'],
    ['SEC-3 HS256 with the public key as secret', () => hmacToken('pem'), 'algorithm'],
    ['SEC-3 HS256 with the public JWK as secret', () => hmacToken('jwk'), 'algorithm'],
    ['SEC-3 HS256 with an empty secret', () => hmacToken('empty'), 'algorithm'],
  ],
  key: [
    [
      'SEC-4 a key in the header',
      () => t.tokenOf(stranger, {}, { kid: key.kid, jwk: stranger.publicJwk }),
      'signature',
    ],
    ['SEC-4 a key in the header, named', () => t.tokenOf(stranger, {}, { jwk: stranger.publicJwk }), 'key_unknown'],
    ['SEC-4 a certificate in the header', () => t.tokenOf(stranger, {}, { kid: key.kid, x5c: ['MII'] }), 'signature'],
    ['a signature of another key', () => t.tokenOf(stranger, {}, { kid: key.kid }), 'signature'],
    ['a kid of null', () => t.tokenOf(key, {}, { kid: null }), 'header'],
    ['an empty kid', () => t.tokenOf(key, {}, { kid: '' }), 'header'],
    ['a kid of 257 characters', () => t.tokenOf(key, {}, { kid: 'k'.repeat(257) }), 'header'],
    ['a kid that is a property name', () => t.tokenOf(key, {}, { kid: '__proto__' }), 'key_unknown'],
  ],
  header: [
    ['SEC-5 crit with an unknown name', () => t.tokenOf(key, {}, { crit: ['exp'], exp: 1 }), 'crit'],
    ['SEC-5 crit that names b64', () => t.tokenOf(key, {}, { crit: ['b64'], b64: true }), 'crit'],
    ['SEC-5 an empty crit', () => t.tokenOf(key, {}, { crit: [] }), 'crit'],
    ['SEC-5 a crit of null', () => t.tokenOf(key, {}, { crit: null }), 'crit'],
    ['SEC-5 b64 without crit', () => t.tokenOf(key, {}, { b64: false }), 'crit'],
    ['SEC-6 typ JWT', () => t.tokenOf(key, {}, { typ: 'JWT' }), 'typ'],
    ['SEC-6 no typ', () => t.tokenOf(key, {}, { typ: undefined }), 'typ'],
    ['SEC-6 typ of a logout token', () => t.tokenOf(key, {}, { typ: 'logout+jwt' }), 'typ'],
    ['SEC-6 typ that is a number', () => t.tokenOf(key, {}, { typ: 1 }), 'header'],
    ['SEC-6 typ of another media type', () => t.tokenOf(key, {}, { typ: 'application/at+jwt/x' }), 'typ'],
    ['SEC-16 zip', () => t.tokenOf(key, {}, { zip: 'DEF' }), 'encrypted'],
    ['SEC-16 enc', () => t.tokenOf(key, {}, { enc: 'A256GCM' }), 'encrypted'],
  ],
  issuer: [
    ['SEC-7 no iss', () => t.tokenOf(key, { iss: undefined }), 'issuer'],
    ['SEC-7 another iss', () => t.tokenOf(key, { iss: 'https://issuer.example' }), 'issuer'],
    ['SEC-7 iss with a slash more', () => t.tokenOf(key, { iss: `${t.ISS}/` }), 'issuer'],
    ['SEC-7 iss in another case', () => t.tokenOf(key, { iss: t.ISS.toUpperCase() }), 'issuer'],
    ['SEC-7 iss that is a list', () => t.tokenOf(key, { iss: [t.ISS] }), 'issuer'],
  ],
  audience: [
    ['SEC-8 no aud', () => t.tokenOf(key, { aud: undefined }), 'audience'],
    ['SEC-8 an aud of null', () => t.tokenOf(key, { aud: null }), 'audience'],
    ['SEC-8 an empty list', () => t.tokenOf(key, { aud: [] }), 'audience'],
    ['SEC-8 another aud', () => t.tokenOf(key, { aud: 'rowpass2' }), 'audience'],
    ['SEC-8 a list of others', () => t.tokenOf(key, { aud: ['a', 'b'] }), 'audience'],
    ['SEC-8 a list that is not of texts', () => t.tokenOf(key, { aud: ['rowpass', 1] }), 'audience'],
    ['SEC-8 an object', () => t.tokenOf(key, { aud: { rowpass: true } }), 'audience'],
  ],
  time: [
    ['SEC-9 no exp', () => t.tokenOf(key, { exp: undefined }), 'time'],
    ['SEC-9 no iat', () => t.tokenOf(key, { iat: undefined }), 'time'],
    ['SEC-9 exp before iat', () => t.tokenOf(key, { exp: t.NOW - 1 }), 'lifetime'],
    ['SEC-9 exp at iat', () => t.tokenOf(key, { exp: t.NOW }), 'lifetime'],
    ['SEC-9 a lifetime over the limit', () => t.tokenOf(key, { exp: t.NOW + 3601 }), 'lifetime'],
    ['SEC-9 nbf beyond the skew', () => t.tokenOf(key, { nbf: t.NOW + 31 }), 'not_yet_valid'],
    ['SEC-9 iat beyond the skew', () => t.tokenOf(key, { iat: t.NOW + 31 }), 'not_yet_valid'],
    ['SEC-9 exp before now by the skew', () => t.tokenOf(key, { iat: t.NOW - 90, exp: t.NOW - 30 }), 'expired'],
    ...['exp', 'iat', 'nbf'].flatMap((name): Row[] => [
      [`SEC-10 ${name} that is a text`, () => t.tokenOf(key, { [name]: String(t.NOW) }), 'time'],
      [`SEC-10 ${name} of null`, () => t.tokenOf(key, { [name]: null }), 'time'],
      [`SEC-10 ${name} below 0`, () => t.tokenOf(key, { [name]: -1 }), 'time'],
      [`SEC-10 ${name} of 1e308`, () => t.tokenOf(key, { [name]: 1e308 }), 'time'],
      [`SEC-10 ${name} in milliseconds`, () => t.tokenOf(key, { [name]: t.nowMs }), 'time'],
      [`SEC-10 ${name} that is a list`, () => t.tokenOf(key, { [name]: [t.NOW] }), 'time'],
      [`SEC-10 ${name} of 1e309`, () => withRaw({ [name]: 'RAW' }, '1e309'), 'payload'],
      [`SEC-10 ${name} of NaN`, () => withRaw({ [name]: 'RAW' }, 'NaN'), 'payload'],
    ]),
  ],
  subject: [
    ['SEC-11 no sub', () => t.tokenOf(key, { sub: undefined }), 'subject'],
    ['SEC-11 an empty sub', () => t.tokenOf(key, { sub: '' }), 'subject'],
    ['SEC-11 a sub that is a number', () => t.tokenOf(key, { sub: 7 }), 'subject'],
    ['SEC-11 a sub of null', () => t.tokenOf(key, { sub: null }), 'subject'],
    ['SEC-11 a sub of 256 characters', () => t.tokenOf(key, { sub: 'a'.repeat(256) }), 'subject'],
    ['SEC-11 a sub with U+0000', () => t.tokenOf(key, { sub: 'a\0' }), 'payload'],
    ['SEC-11 tenant_id that is no UUID', () => t.tokenOf(key, { tenant_id: 'x' }), 'tenant'],
    ['SEC-11 tenant_id with text after', () => t.tokenOf(key, { tenant_id: `${t.TENANT}\n` }), 'tenant'],
    ['SEC-11 tenant_id in braces', () => t.tokenOf(key, { tenant_id: `{${t.TENANT}}` }), 'tenant'],
    ['SEC-11 tenant_id that is a number', () => t.tokenOf(key, { tenant_id: 7 }), 'tenant'],
    ['a jti that is a number', () => t.tokenOf(key, { jti: 1 }), 'token_id'],
    ['a jti of 256 characters', () => t.tokenOf(key, { jti: 'a'.repeat(256) }), 'token_id'],
  ],
  text: [
    ['SEC-12 sub twice', () => withRaw({ sub: 'RAW' }, '"a","sub":"b"'), 'payload'],
    ['SEC-12 sub twice, once escaped', () => withRaw({ sub: 'RAW' }, '"a","s\\u0075b":"b"'), 'payload'],
    ['SEC-12 a name twice inside a claim', () => withRaw({ app: 'RAW' }, '{"a":1,"a":1}'), 'payload'],
    [
      'SEC-12 alg twice',
      () => t.forge(key, `{"alg":"ES256","alg":"ES256","typ":"at+jwt","kid":"${key.kid}"}`, {}),
      'header',
    ],
    ['SEC-12 invalid UTF-8', () => withBytes(Buffer.from([0xc3, 0x28])), 'payload'],
    ['SEC-12 an overlong encoding', () => withBytes(Buffer.from([0xc0, 0xaf])), 'payload'],
    ['SEC-12 a byte order mark', () => withBytes(Buffer.from('\ufeff{}')), 'payload'],
    ['a lone surrogate', () => withRaw({ app: 'RAW' }, '"\\ud800"'), 'payload'],
    ['a payload that is a list', () => t.forge(key, { alg: 'ES256', typ: 'at+jwt', kid: key.kid }, '[]'), 'payload'],
    ['an empty payload', () => t.forge(key, { alg: 'ES256', typ: 'at+jwt', kid: key.kid }, ''), 'payload'],
    ['a payload nested over 32 levels', () => withRaw({ app: 'RAW' }, '['.repeat(40) + ']'.repeat(40)), 'payload'],
    ['SEC-13 padding on the signature', () => `${t.tokenOf(key)}==`, 'format'],
    ['SEC-13 padding on the header', () => repack((header) => `${header}=`, 0), 'format'],
    [
      'SEC-13 white space in the payload',
      () => repack((payload) => `${payload.slice(0, 8)}\n${payload.slice(8)}`, 1),
      'format',
    ],
    ['SEC-13 the other alphabet', () => repack((part) => `${part.slice(0, -1)}/`, 2), 'format'],
    ['SEC-13 stray bits in the signature', () => repack(setStrayBit, 2), 'format'],
    ['SEC-13 a length that no bytes have', () => `${t.tokenOf(key)}AAA`, 'format'],
    ['SEC-15 a signature of 65 bytes', () => `${t.tokenOf(key)}A`, 'signature'],
    ['SEC-13 white space before', () => ` ${t.tokenOf(key)}`, 'format'],
    ['SEC-15 a DER signature', () => repack(() => t.b64(Buffer.alloc(70, 0x30)), 2), 'signature'],
    ['SEC-15 a signature of 63 bytes', () => repack(() => t.b64(Buffer.alloc(63, 1)), 2), 'signature'],
    ['SEC-15 r and s of 0', () => repack(() => t.b64(Buffer.alloc(64)), 2), 'signature'],
    [
      'SEC-15 r of 0',
      () => repack((s) => t.b64(Buffer.concat([Buffer.alloc(32), Buffer.from(s, 'base64url').subarray(32)])), 2),
      'signature',
    ],
    [
      'SEC-15 s of 0',
      () => repack((s) => t.b64(Buffer.concat([Buffer.from(s, 'base64url').subarray(0, 32), Buffer.alloc(32)])), 2),
      'signature',
    ],
    [
      'SEC-15 r and s of the group order',
      () => repack(() => t.b64(Buffer.concat([p256Order, p256Order])), 2),
      'signature',
    ],
    ['SEC-16 over 8192 characters', () => t.tokenOf(key, { app: 'a'.repeat(8000) }), 'size'],
    ['SEC-16 five parts', () => `${t.tokenOf(key)}.AA.AA`, 'encrypted'],
    ['SEC-16 four parts', () => `${t.tokenOf(key)}.AA`, 'format'],
    ['SEC-16 many parts', () => '.'.repeat(8000), 'format'],
  ],
}

const p256Order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')

describe.each(Object.entries(refusals))('refuses, on its %s,', (_, rows) => {
  it.each(rows)('%s', async (_title, token, reason) => {
    const code = reason === 'expired' ? 'token_expired' : 'token_invalid'
    expect(await t.refusalOf(verifier, token())).toEqual({ code, reason })
  })
})

describe('the last that is accepted and the first that is refused', () => {
  it.each([
    ['SEC-9 lifetime', { exp: t.NOW + 3600 }, { exp: t.NOW + 3600.5 }],
    ['SEC-9 exp', { iat: t.NOW - 90, exp: t.NOW - 29 }, { iat: t.NOW - 90, exp: t.NOW - 30 }],
    ['SEC-9 nbf', { nbf: t.NOW + 30 }, { nbf: t.NOW + 30.5 }],
    ['SEC-9 iat with an earlier nbf', { nbf: 0, iat: t.NOW + 30 }, { nbf: 0, iat: t.NOW + 30.5 }],
    ['SEC-9 iat', { iat: t.NOW + 30 }, { iat: t.NOW + 30.5 }],
    ['SEC-10 a time with a fraction', { exp: t.NOW + 0.5 }, { exp: t.NOW + 3600.5 }],
    ['SEC-11 sub', { sub: 'a'.repeat(255) }, { sub: 'a'.repeat(256) }],
    ['SEC-16 size', { app: 'a'.repeat(5700) }, { app: 'a'.repeat(5900) }],
  ])('%s', async (_, accepted, refused) => {
    expect(await verifier.verify(t.tokenOf(key, accepted))).toBeTruthy()
    await expect(async () => verifier.verify(t.tokenOf(key, refused))).rejects.toThrow(Failure)
  })
})

/** A valid token in whose payload the JSON text "RAW" is replaced by another text. */
function withRaw(claims: t.Claims, raw: string): string {
  const payload = JSON.stringify({ ...t.validClaims(), ...claims }).replace('"RAW"', () => raw)
  return t.forge(key, { alg: 'ES256', typ: 'at+jwt', kid: key.kid }, payload)
}

/** A token whose payload holds the given bytes inside a text, or as a whole when they are a document. */
function withBytes(bytes: Uint8Array): string {
  const header = t.b64(JSON.stringify({ alg: 'ES256', typ: 'at+jwt', kid: key.kid }))
  const whole = Buffer.from(bytes).includes('{}')
  const [before, after] = JSON.stringify({ ...t.validClaims(), app: '|' }).split('|') as [string, string]
  const payload = whole ? bytes : Buffer.concat([Buffer.from(before), bytes, Buffer.from(after)])
  return t.signParts(header, t.b64(payload), key.privateJwk, 'ES256')
}

/** A valid token, one part of which is changed after it was signed. */
function repack(change: (part: string) => string, index: number): string {
  return t
    .tokenOf(key)
    .split('.')
    .map((part, i) => (i === index ? change(part) : part))
    .join('.')
}

/** The same 64 bytes in another spelling: the last character carries four bits that decode to nothing. */
function setStrayBit(part: string): string {
  const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
  return part.slice(0, -1) + digits[digits.indexOf(part.slice(-1)) + 1]
}

function hmacToken(secret: 'pem' | 'jwk' | 'empty'): string {
  const publicKey = createPublicKey({ key: key.publicJwk as never, format: 'jwk' })
  const text = {
    pem: publicKey.export({ type: 'spki', format: 'pem' }),
    jwk: JSON.stringify(key.publicJwk),
    empty: '',
  }[secret]
  const input = `${t.b64(JSON.stringify({ alg: 'HS256', typ: 'at+jwt', kid: key.kid }))}.${t.b64(JSON.stringify(t.validClaims()))}`
  return `${input}.${createHmac('sha256', text).update(input).digest('base64url')}`
}
