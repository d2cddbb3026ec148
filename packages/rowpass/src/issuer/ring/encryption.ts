/**
 * Private keys at rest: each is encrypted under a key of its own, and that one under a key from the environment. To change
 * the latter, the private keys need not be decrypted.
 */
import type { JWK } from 'jose'
import { Failure, OptionError } from '../../errors.ts'
import { fromBase64Url, toBase64Url } from '../../token/base64url.ts'

/** A key from the environment that encrypts others. */
export interface EncryptionKey {
  readonly name: string
  /** 256 bits; cannot be exported again. */
  readonly key: CryptoKey
}

/** The first one encrypts, each of them decrypts. */
export type EncryptionKeys = readonly [EncryptionKey, ...EncryptionKey[]]

/** A private key as it is stored. All three are worth nothing without the key from the environment. */
export interface SealedKey {
  /** Name of the key from the environment. */
  readonly wrappedUnder: string
  /** The key of its own, encrypted: 60 bytes in base64url. */
  readonly wrappedKey: string
  /** The private JWK, encrypted: base64url. */
  readonly ciphertext: string
}

/** What a sealed key belongs to: it cannot be opened as another key's. */
export interface KeyIdentity {
  readonly kid: string
  readonly alg: string
}

const namePattern = /^[a-z0-9_-]{1,32}$/
const keyBytes = 32
const nonceBytes = 12

/**
 * Reads `name:secret[,name:secret…]`.
 *
 * @param text secrets are 32 bytes in base64url without padding
 * @throws Failure `config_invalid` that names the faulty key by its name or position, never its secret
 */
export async function parseEncryptionKeys(text: string): Promise<EncryptionKeys> {
  const [first, ...rest] = await Promise.all(text.split(',').map(parseEncryptionKey))
  if (first === undefined) throw invalid('no encryption key is given')
  const keys = [first, ...rest] as const
  if (new Set(keys.map(({ name }) => name)).size < keys.length) throw invalid('two encryption keys have the same name')
  return keys
}

/**
 * Makes a key in the form that {@link parseEncryptionKeys} reads. The result is a secret.
 *
 * @example
 * console.log(`KEY_ENCRYPTION_KEYS=${generateEncryptionKey('2026-01')}`)
 */
export function generateEncryptionKey(name: string): string {
  if (!namePattern.test(name)) throw new OptionError(`the name is not ${namePattern.source}`)
  return `${name}:${toBase64Url(crypto.getRandomValues(new Uint8Array(keyBytes)))}`
}

/** Encrypts a private key. */
export async function sealPrivateKey(identity: KeyIdentity, privateJwk: JWK, keys: EncryptionKeys): Promise<SealedKey> {
  const own = crypto.getRandomValues(new Uint8Array(keyBytes))
  const [wrapping] = keys
  const plain = new TextEncoder().encode(JSON.stringify(privateJwk))
  const wrappedKey = await encrypt(wrapping.key, own, wrapFacts(identity, wrapping.name))
  const ciphertext = await encrypt(await importKey(own), plain, keyFacts(identity))
  return { wrappedUnder: wrapping.name, wrappedKey: toBase64Url(wrappedKey), ciphertext: toBase64Url(ciphertext) }
}

/**
 * Decrypts a private key. Does NOT check that it is the private half of `kid`: `importSigningKey` derives that anew.
 *
 * @throws Failure `key_locked`; neither detail nor cause hold anything of the key
 */
export async function openPrivateKey(identity: KeyIdentity, sealed: SealedKey, keys: EncryptionKeys): Promise<unknown> {
  const own = await unwrap(identity, sealed, keys)
  const plain = await decrypt(await importKey(own), sealed.ciphertext, keyFacts(identity))
  if (plain === undefined) throw locked(identity, 'what is stored was changed, or belongs to another key')
  return JSON.parse(new TextDecoder().decode(plain))
}

/**
 * Makes sure that a sealed key could be opened, without decrypting it.
 *
 * @throws Failure `key_locked`
 */
export async function requireOpenable(identity: KeyIdentity, sealed: SealedKey, keys: EncryptionKeys): Promise<void> {
  await unwrap(identity, sealed, keys)
}

/**
 * Puts a sealed key under the first key from the environment. The private key itself is not decrypted.
 *
 * @returns the same object when it is under that key already
 * @throws Failure `key_locked`
 */
export async function rewrapPrivateKey(
  identity: KeyIdentity,
  sealed: SealedKey,
  keys: EncryptionKeys,
): Promise<SealedKey> {
  const [wrapping] = keys
  if (sealed.wrappedUnder === wrapping.name) return sealed
  const own = await unwrap(identity, sealed, keys)
  const wrappedKey = await encrypt(wrapping.key, own, wrapFacts(identity, wrapping.name))
  return { ...sealed, wrappedUnder: wrapping.name, wrappedKey: toBase64Url(wrappedKey) }
}

async function unwrap(identity: KeyIdentity, sealed: SealedKey, keys: EncryptionKeys): Promise<Bytes> {
  const wrapping = keys.find(({ name }) => name === sealed.wrappedUnder)
  if (wrapping === undefined) {
    throw locked(identity, `it is encrypted under "${sealed.wrappedUnder}", which is not configured`)
  }
  const own = await decrypt(wrapping.key, sealed.wrappedKey, wrapFacts(identity, wrapping.name))
  if (own === undefined) throw locked(identity, `"${wrapping.name}" is not the key under which it was encrypted`)
  return own
}

type Bytes = Uint8Array<ArrayBuffer>

async function parseEncryptionKey(text: string, index: number): Promise<EncryptionKey> {
  const separator = text.indexOf(':')
  const name = text.slice(0, Math.max(separator, 0)).trim()
  if (!namePattern.test(name))
    throw invalid(`encryption key ${index + 1} has no name of the form ${namePattern.source}`)
  const secret = fromBase64Url(text.slice(separator + 1).trim())
  if (secret?.length !== keyBytes) throw invalid(`encryption key "${name}" is not ${keyBytes} bytes in base64url`)
  return { name, key: await importKey(secret) }
}

function importKey(secret: Bytes): Promise<CryptoKey> {
  return crypto.subtle.importKey('raw', secret, 'AES-GCM', false, ['encrypt', 'decrypt'])
}

/** A nonce is drawn anew for each use; a key from the environment is good for 2^32 of them (NIST SP 800-38D §8.3). */
async function encrypt(key: CryptoKey, plain: Bytes, facts: Bytes): Promise<Bytes> {
  const nonce = crypto.getRandomValues(new Uint8Array(nonceBytes))
  const sealed = await crypto.subtle.encrypt({ name: 'AES-GCM', iv: nonce, additionalData: facts }, key, plain)
  const bytes = new Uint8Array(nonceBytes + sealed.byteLength)
  bytes.set(nonce)
  bytes.set(new Uint8Array(sealed), nonceBytes)
  return bytes
}

async function decrypt(key: CryptoKey, text: string, facts: Bytes): Promise<Bytes | undefined> {
  const bytes = fromBase64Url(text)
  if (bytes === undefined || bytes.length < nonceBytes) return undefined
  const parameters = { name: 'AES-GCM', iv: bytes.subarray(0, nonceBytes), additionalData: facts }
  return crypto.subtle
    .decrypt(parameters, key, bytes.subarray(nonceBytes))
    .then((plain) => new Uint8Array(plain))
    .catch(() => undefined)
}

/** Facts that never change in the life of a key: its name, which is a digest of its public half, and its algorithm. */
function keyFacts({ kid, alg }: KeyIdentity): Bytes {
  return new TextEncoder().encode(JSON.stringify(['rowpass signing key', kid, alg]))
}

function wrapFacts({ kid, alg }: KeyIdentity, name: string): Bytes {
  return new TextEncoder().encode(JSON.stringify(['rowpass wrapped key', kid, alg, name]))
}

function locked({ kid }: KeyIdentity, why: string): Failure {
  return new Failure('key_locked', { detail: `${kid}: ${why}` })
}

function invalid(why: string): Failure {
  return new Failure('config_invalid', { detail: why })
}
