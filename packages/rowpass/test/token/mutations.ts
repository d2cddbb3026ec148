/**
 * Ways to tamper with a token, by name. Each takes valid tokens and makes a text that must be refused.
 */
import { createHmac, createPublicKey } from 'node:crypto'
import type { GeneratedKey } from '../../src/token/key.ts'
import * as t from './test-issuer.ts'

/** What a mutation works with. Everything random in it comes from one seed. */
export interface Toolbox {
  /** Tokens that are accepted. */
  readonly valid: readonly string[]
  /** Keys that the issuer publishes, and one that it does not. */
  readonly keys: readonly GeneratedKey[]
  readonly stranger: GeneratedKey
  /** A whole number from 0 to below `limit`. */
  below(limit: number): number
}

/** Numbers that only look random: mulberry32, by Tommy Ettinger. */
export function createRandom(seed: number): (limit: number) => number {
  let state = seed >>> 0
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32) * limit)
  }
}

/** One tampered token: another text than every valid one. */
export function mutate(box: Toolbox): { name: string; text: string } {
  const names = Object.keys(mutations)
  for (;;) {
    const name = pick(box, names)
    const text = mutations[name]!(box)
    if (!box.valid.includes(text)) return { name, text }
  }
}

type Mutation = (box: Toolbox) => string

const pick = <T>({ below }: Toolbox, list: readonly T[]): T => list[below(list.length)]!
const partsOf = (token: string) => token.split('.') as [string, string, string]
const decode = (part: string) => Buffer.from(part, 'base64url')
const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'

/** Changes one part of a valid token. */
function inPart(box: Toolbox, index: number, change: (part: string) => string): string {
  return partsOf(pick(box, box.valid))
    .map((part, at) => (at === index ? change(part) : part))
    .join('.')
}

/** Changes the bytes of a part. */
const inBytes = (box: Toolbox, index: number, change: (bytes: Buffer) => Uint8Array): string =>
  inPart(box, index, (part) => t.b64(change(decode(part))))

/** Changes the JSON of the header or the payload, as an object or as text, and keeps the signature. */
const inJson = (box: Toolbox, index: number, change: (value: t.Claims) => t.Claims | string): string =>
  inPart(box, index, (part) => {
    const changed = change(JSON.parse(decode(part).toString()))
    return t.b64(typeof changed === 'string' ? changed : JSON.stringify(changed))
  })

/** The header and payload of a valid token under other signatures. */
function signedBy(box: Toolbox, key: GeneratedKey, header: t.Claims): string {
  const [before, payload] = partsOf(pick(box, box.valid))
  return t.signParts(
    t.b64(JSON.stringify({ ...JSON.parse(decode(before).toString()), ...header })),
    payload,
    key.privateJwk,
    key.alg,
  )
}

const junk = [
  null,
  true,
  0,
  -1,
  1e308,
  '',
  'a',
  '../../etc/passwd',
  "' or 1=1 --",
  [],
  ['ES256'],
  {},
  'x'.repeat(300),
  '\u0000',
]
const algorithmNames = [
  'none',
  'None',
  'nOnE',
  'HS256',
  'HS512',
  'ES256',
  'es256',
  'ES384',
  'ES256K',
  'RS256',
  'RS1',
  'PS256',
  'EdDSA',
  'Ed25519',
  'ES256 ',
  'dir',
  'RSA-OAEP',
]
const mediaTypes = [
  'JWT',
  'jwt',
  'at+jwt',
  'AT+JWT',
  'application/at+jwt',
  'logout+jwt',
  'dpop+jwt',
  'at+jwt ',
  'application/application/at+jwt',
]
const claimNames = ['iss', 'aud', 'sub', 'exp', 'nbf', 'iat', 'jti', 'tenant_id', 'role', 'sid', 'scope']

const mutations: Readonly<Record<string, Mutation>> = {
  'a bit': (box) =>
    inBytes(box, box.below(3), (bytes) => {
      bytes[box.below(bytes.length)]! ^= 1 << box.below(8)
      return bytes
    }),
  'some bytes': (box) =>
    inBytes(box, box.below(3), (bytes) => {
      for (let n = 1 + box.below(8); n > 0; n--) bytes[box.below(bytes.length)] = box.below(256)
      return bytes
    }),
  'a character': (box) => {
    const token = pick(box, box.valid)
    const at = box.below(token.length + 1)
    const put = Array.from({ length: box.below(4) }, () =>
      pick(box, [...digits, '.', '=', '+', '/', ' ', '\n', '%', 'é']),
    ).join('')
    return token.slice(0, at) + put + token.slice(at + box.below(4))
  },
  truncated: (box) => {
    const token = pick(box, box.valid)
    return box.below(2) ? token.slice(0, box.below(token.length)) : token.slice(1 + box.below(token.length))
  },
  'parts in another order, twice or missing': (box) => {
    const parts = partsOf(pick(box, box.valid))
    return Array.from({ length: 1 + box.below(6) }, () => pick(box, [...parts, ''])).join('.')
  },
  'parts of several tokens': (box) => [0, 1, 2].map((index) => partsOf(pick(box, box.valid))[index]).join('.'),
  'halves of two tokens': (box) => {
    const [one, two] = [pick(box, box.valid), pick(box, box.valid)]
    const at = box.below(one.length)
    return one.slice(0, at) + two.slice(at + box.below(3) - 1)
  },
  'halves of two signatures': (box) => {
    const other = decode(partsOf(pick(box, box.valid))[2])
    return inBytes(box, 2, (bytes) =>
      Buffer.concat([bytes.subarray(0, bytes.length / 2), other.subarray(other.length / 2)]),
    )
  },
  'another alg': (box) => inJson(box, 0, (header) => ({ ...header, alg: pick(box, [...algorithmNames, ...junk]) })),
  'another kid': (box) =>
    inJson(box, 0, (header) => ({
      ...header,
      kid: pick(box, [...box.keys.map(({ kid }) => kid), box.stranger.kid, ...junk]),
    })),
  'another typ': (box) => inJson(box, 0, (header) => ({ ...header, typ: pick(box, [...mediaTypes, ...junk]) })),
  'crit and b64': (box) =>
    inJson(box, 0, (header) => ({
      ...header,
      crit: pick(box, [['b64'], ['exp'], [], ...junk]),
      b64: pick(box, [true, false, ...junk]),
    })),
  'a key in the header': (box) => {
    const { publicJwk } = box.stranger
    const member = pick(box, [
      { jwk: publicJwk },
      { jku: 'https://evil.example' },
      { x5u: 'https://evil.example' },
      { x5c: ['MII'] },
    ])
    return signedBy(box, box.stranger, { ...member, ...(box.below(2) ? { alg: box.stranger.alg } : {}) })
  },
  'signed by a key that is not published': (box) =>
    signedBy(box, box.stranger, { alg: box.stranger.alg, ...(box.below(2) ? { kid: box.stranger.kid } : {}) }),
  'signed by a published key under the name of another': (box) => {
    const [signer, named] = [pick(box, box.keys), pick(box, box.keys)]
    const alg = box.below(2) ? signer.alg : named.alg
    const honest = signer === named && alg === signer.alg
    return signedBy(box, honest ? box.stranger : signer, { alg, kid: named.kid })
  },
  'a public key as HMAC secret': (box) => {
    const key = pick(box, box.keys)
    const pem = createPublicKey({ key: key.publicJwk as never, format: 'jwk' }).export({ type: 'spki', format: 'pem' })
    const secret = pick(box, [
      pem,
      String(pem).trim(),
      JSON.stringify(key.publicJwk),
      key.publicJwk.x ?? key.publicJwk.n ?? '',
      '',
    ])
    const input = `${t.b64(JSON.stringify({ alg: pick(box, ['HS256', key.alg]), typ: 'at+jwt', kid: key.kid }))}.${partsOf(pick(box, box.valid))[1]}`
    return `${input}.${createHmac('sha256', secret).update(input).digest('base64url')}`
  },
  'no signature': (box) => {
    const header = { alg: pick(box, algorithmNames), typ: 'at+jwt', kid: pick(box, box.keys).kid }
    const [, payload, signature] = partsOf(pick(box, box.valid))
    return `${t.b64(JSON.stringify(header))}.${payload}${pick(box, ['', '.', '..', '.AA', `.${signature}`])}`
  },
  'signatures of special values': (box) =>
    inBytes(box, 2, (bytes) => {
      const half = bytes.length / 2
      const swapped = Buffer.concat([bytes.subarray(half), bytes.subarray(0, half)])
      const order = Buffer.from('ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551', 'hex')
      const [zero, full] = [Buffer.alloc(half), Buffer.alloc(half, 255)]
      const one = Buffer.from([...Buffer.alloc(half - 1), 1])
      const special = [zero, full, one, order.subarray(0, half), bytes.subarray(0, half), bytes.subarray(half)]
      return pick(box, [swapped, bytes.toReversed(), Buffer.concat([pick(box, special), pick(box, special)])])
    }),
  'a signature of another length or form': (box) =>
    inBytes(box, 2, (bytes) => {
      const half = bytes.length / 2
      const der = Buffer.from([
        0x30,
        bytes.length + 4,
        2,
        half,
        ...bytes.subarray(0, half),
        2,
        half,
        ...bytes.subarray(half),
      ])
      const padded = Buffer.concat([Buffer.alloc(1), bytes.subarray(0, half), Buffer.alloc(1), bytes.subarray(half)])
      return pick(box, [
        der,
        padded,
        Buffer.concat([bytes, Buffer.alloc(1 + box.below(9))]),
        bytes.subarray(0, box.below(bytes.length)),
        Buffer.concat([bytes, bytes]),
      ])
    }),
  'other claims': (box) =>
    inJson(box, 1, (claims) => ({
      ...claims,
      [pick(box, claimNames)]: pick(box, [...junk, 'admin', claims.exp, t.NOW + 1e6]),
    })),
  'a claim less': (box) =>
    inJson(box, 1, (claims) => {
      const { [pick(box, Object.keys(claims))]: _, ...rest } = claims
      return rest
    }),
  'a member twice': (box) =>
    inJson(box, box.below(2), (value) => {
      const [name, first] = pick(box, Object.entries(value))
      const spelt = box.below(2) ? name : `\\u${name.charCodeAt(0).toString(16).padStart(4, '0')}${name.slice(1)}`
      const member = `"${spelt}":${JSON.stringify(pick(box, [first, 'admin', null]))}`
      const text = JSON.stringify(value)
      return box.below(2) ? `{${member},${text.slice(1)}` : `${text.slice(0, -1)},${member}}`
    }),
  'JSON that reads alike or not at all': (box) =>
    inJson(box, box.below(2), (value) => {
      const text = JSON.stringify(value)
      return pick(box, [
        ...[
          JSON.stringify(value, null, 1),
          ` ${text}`,
          `${text}\n`,
          `\ufeff${text}`,
          `${text}${text}`,
          `[${text}]`,
          `"${text}"`,
        ],
        ...[
          text.replaceAll('"', "'"),
          text.replace('}', ',}'),
          text.replace('{', '{/**/'),
          text.replace('{', '{"__proto__":{"role":"admin"},'),
        ],
        ...[
          text.replace(/\d+/, '$&.0'),
          text.replace(/\d+/, '$&e0'),
          text.replace(/\d+/, 'NaN'),
          text.replace(/\d+/, '1e999'),
          text.toUpperCase(),
        ],
        JSON.stringify(Object.fromEntries(Object.entries(value).reverse())),
      ])
    }),
  'base64 in another spelling': (box) =>
    inPart(box, box.below(3), (part) => {
      const last = digits.indexOf(part.slice(-1))
      return pick(box, [
        ...[
          `${part}=`,
          `${part}==`,
          `=${part}`,
          `${part}\n`,
          ` ${part}`,
          `${part.slice(0, 4)}\r\n${part.slice(4)}`,
          encodeURIComponent(`${part}=`),
        ],
        ...[
          part.replaceAll('-', '+').replaceAll('_', '/'),
          `${part}A`,
          `${part}AA`,
          t.b64(part),
          part.split('').reverse().join(''),
        ],
        ...[part.slice(0, -1) + digits[(last + 1) % 64], part.slice(0, -1) + digits[last ^ 32], part.toLowerCase()],
      ])
    }),
  'another serialisation': (box) => {
    const token = pick(box, box.valid)
    const [header, payload, signature] = partsOf(token)
    return pick(box, [
      ...[
        JSON.stringify({ protected: header, payload, signature }),
        JSON.stringify({ payload, signatures: [{ protected: header, signature }] }),
      ],
      ...[
        `${token}.${token}`,
        `${token}..`,
        `.${token}`,
        `Bearer ${token}`,
        `"${token}"`,
        `${token},${token}`,
        `${token}\0`,
        token.repeat(20),
      ],
      ...[
        `${header}..${signature}`,
        `${header}.${t.b64(token)}.${signature}`,
        `${token}.AA.AA`,
        `${token}#`,
        `${token}?a=b`,
        encodeURIComponent(token),
      ],
    ])
  },
}

/** The names of all mutations, sorted. */
export const mutationNames: readonly string[] = Object.keys(mutations).sort()
