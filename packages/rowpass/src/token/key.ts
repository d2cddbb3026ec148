/** One key pair: made, imported, and cut down to what may be published. */
import { calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose'
import { Failure, OptionError } from '../errors.ts'
import { type Algorithm, algorithms, algorithmsOf, isAlgorithm, ownAlgorithms } from './algorithms.ts'
import { importPublicKey } from './public-key.ts'
import { maxKidLength } from './token-limits.ts'

export type { Algorithm } from './algorithms.ts'

/** A public key as it is published: the members that RFC 7517 names for it, and no other. */
export interface PublicJwk {
  readonly kty: 'EC' | 'RSA' | 'OKP'
  readonly use: 'sig'
  readonly alg: Algorithm
  /** Its own, or the RFC 7638 thumbprint (SHA-256) of the key. */
  readonly kid: string
  readonly crv?: string
  readonly x?: string
  readonly y?: string
  readonly n?: string
  readonly e?: string
}

/** A key that signs. The private half cannot be exported again. */
export interface SigningKey {
  readonly kid: string
  readonly alg: Algorithm
  readonly publicJwk: PublicJwk
  readonly privateKey: CryptoKey
}

/** A new key pair in the form in which it is stored. */
export interface GeneratedKey {
  readonly kid: string
  readonly alg: Algorithm
  readonly publicJwk: PublicJwk
  /** A secret. */
  readonly privateJwk: JWK
}

/**
 * Makes a new key pair.
 *
 * The `kid` is the RFC 7638 thumbprint, so the same key has the same name wherever it is imported.
 * It never begins with a hyphen. Does NOT store the key: see `files.ts` and `ring.ts`.
 *
 * @param alg default `ES256`; RSA keys get 2048 bits
 * @throws OptionError when the algorithm is not one of the four
 * @example
 * const { publicJwk, privateJwk } = await generateKey()
 */
export async function generateKey(alg: Algorithm = 'ES256'): Promise<GeneratedKey> {
  if (!isAlgorithm(alg)) throw new OptionError(`the algorithm is one of ${ownAlgorithms.join(', ')}`)
  const pair = await generateKeyPair(alg, { extractable: true })
  const material = await exportJWK(pair.privateKey)
  const publicJwk = await toPublicJwk({ ...material, alg })
  // On a command line, such a name would be an option.
  if (publicJwk.kid.startsWith('-')) return generateKey(alg)
  return { kid: publicJwk.kid, alg, publicJwk, privateJwk: { ...material, use: 'sig', alg, kid: publicJwk.kid } }
}

/**
 * Imports a private JWK for signing.
 *
 * The algorithm is the `alg` of the JWK, or ES256, RS256 or EdDSA by its type. The public half is derived, and a `kid` where
 * the JWK has none. A signature is made and verified once, so the two halves are known to belong together.
 *
 * @param privateJwk an object, or its JSON text
 * @throws Failure `key_invalid`; its `detail` and `cause` never quote the input
 * @see RFC 7517, RFC 7638
 * @example
 * const key = await importSigningKey(process.env.PRIVATE_KEY)
 */
export async function importSigningKey(privateJwk: unknown): Promise<SigningKey> {
  const jwk = parseJwk(privateJwk)
  const publicJwk = await toPublicJwk(jwk)
  const spec = algorithms[publicJwk.alg]
  const material: Record<string, unknown> = { kty: spec.kty }
  for (const member of [...spec.publicMembers, ...spec.privateMembers]) {
    if (typeof jwk[member] !== 'string') throw unusable(`The private key has no member "${member}"`)
    material[member] = jwk[member]
  }
  const privateKey = await importJWK(material, publicJwk.alg, { extractable: false }).catch(() => undefined)
  if (privateKey === undefined || privateKey instanceof Uint8Array) throw unusable('The private key is malformed')
  const key = { kid: publicJwk.kid, alg: publicJwk.alg, publicJwk, privateKey }
  if (!(await halvesMatch(key))) throw unusable('The private and public parts do not belong together')
  return key
}

/**
 * Cuts any JWK down to what may be published.
 *
 * The members come from an allow-list: given a private key, the private part is left behind. `use` and `alg` are
 * set; a `kid` is kept, so that tokens that were signed elsewhere find the key, or is the thumbprint.
 *
 * @param jwk an object, or its JSON text
 * @throws Failure `key_invalid` when it is not a usable key of one of the four algorithms
 * @see RFC 7517 §4, RFC 7638 §3
 * @example
 * const publicJwk = await toPublicJwk(process.env.PRIVATE_KEY)
 */
export async function toPublicJwk(jwk: unknown): Promise<PublicJwk> {
  const parsed = parseJwk(jwk)
  if (parsed.use !== undefined && parsed.use !== 'sig')
    throw unusable('The key is not for signatures: "use" is not "sig"')
  const alg = algorithmsOf(parsed).find(isAlgorithm)
  if (alg === undefined) throw unusable(`The key is not for one of ${ownAlgorithms.join(', ')}`)
  await importPublicKey(parsed, alg).catch((cause: Error) => {
    throw unusable(`The key cannot be used: ${cause.message}`)
  })
  const material: { [Member in 'crv' | 'x' | 'y' | 'n' | 'e']?: string } = {}
  for (const member of algorithms[alg].publicMembers) material[member] = String(parsed[member])
  const { kty } = algorithms[alg]
  const kid = parsed.kid ?? (await calculateJwkThumbprint({ kty, ...material }, 'sha256'))
  if (typeof kid !== 'string' || kid === '' || kid.length > maxKidLength) {
    throw unusable(`"kid" is not a text of 1 to ${maxKidLength} characters`)
  }
  return { kty, use: 'sig', alg, kid, ...material }
}

/** In one line or several, quoted, with its line ends escaped, or the whole in base64. */
function isPem(text: string): boolean {
  return /-----BEGIN [A-Z ]+-----|^\W*LS0tLS1CRUdJTi/.test(text)
}

const pemAdvice =
  'It is a PEM key, and a JWK is needed. This turns key.pem into one: ' +
  `node -p 'JSON.stringify(crypto.createPrivateKey(fs.readFileSync("key.pem")).export({ format: "jwk" }))'` +
  ', and with createPublicKey into the public one'

/** Turns an object or JSON text into a record. The parser's own error is dropped: it quotes its input, here a secret. */
function parseJwk(input: unknown): Readonly<Record<string, unknown>> {
  let value = input
  if (typeof input === 'string') {
    if (isPem(input)) throw unusable(pemAdvice)
    try {
      value = JSON.parse(input)
    } catch {
      throw unusable('The key is not JSON')
    }
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value))
    throw unusable('The key is not a JSON object')
  return { ...value }
}

async function halvesMatch(key: SigningKey): Promise<boolean> {
  const probe = new TextEncoder().encode('rowpass')
  const parameters = { ...key.privateKey.algorithm, hash: 'SHA-256', saltLength: 32 }
  const publicKey = await importPublicKey({ ...key.publicJwk }, key.alg)
  try {
    const signature = await crypto.subtle.sign(parameters, key.privateKey, probe)
    return await crypto.subtle.verify(parameters, publicKey, signature, probe)
  } catch {
    return false
  }
}

function unusable(detail: string): Failure {
  return new Failure('key_invalid', { detail })
}
