/**
 * Passwords: hashed with scrypt at OWASP's figures, and checked in the same time whether or not there is an account.
 *
 * Of OWASP's equivalent settings this is the one that needs 16 MiB, so that it fits into a Worker. The runtime's own
 * scrypt is used where there is one (Node, Workers with `nodejs_compat`), as it is faster and does not block; elsewhere
 * it is the one of @noble/hashes.
 * @see https://cheatsheetseries.owasp.org/cheatsheets/Password_Storage_Cheat_Sheet.html
 */
import { scrypt } from '@noble/hashes/scrypt.js'
import { Failure } from '../errors.ts'
import { sameHash } from './secret.ts'

/** Figures of scrypt: N = 2^ln, r, p. */
interface Cost {
  readonly ln: number
  readonly r: number
  readonly p: number
}

const cost: Cost = { ln: 14, r: 8, p: 5 }
const saltBytes = 16
const hashBytes = 32
/** A stored hash may ask for 128 MiB at most, and for four times the work of OWASP's figures with that much. */
const maxBlocks = 2 ** 20
const maxRounds = 16

/** The shortest password, in characters. */
export const minPasswordLength = 12
/** The longest, in UTF-16 code units. */
export const maxPasswordLength = 256

/** Each takes 16 MiB, so they go one after the other, and not for ever. */
const maxWaiting = 20
let waiting = 0
let turn: Promise<unknown> = Promise.resolve()

/** How a password compares with a stored hash. */
export interface Comparison {
  readonly matches: boolean
  /** Whether the hash was made with other figures than today's. */
  readonly outdated: boolean
}

/**
 * Hashes a password, in the PHC format: `$scrypt$ln=14,r=8,p=5$<salt>$<hash>`.
 *
 * Does NOT ask whether it is long enough: see {@link isSuitable}.
 *
 * @throws Failure `password_queue_full` when 20 others are waiting
 * @example
 * const stored = await hashPassword('correct horse battery staple')
 */
export async function hashPassword(password: string): Promise<string> {
  const salt = crypto.getRandomValues(new Uint8Array(saltBytes))
  return format(cost, salt, await derive(password, salt, cost))
}

/**
 * Compares a password with a stored hash. Without one it does the same work and says no.
 *
 * @throws Failure `password_queue_full` when 20 others are waiting, `password_hash_invalid` when the stored text is no hash
 *   of this kind, or asks for more than 128 MiB
 * @example
 * const { matches } = await comparePassword(password, storedHash)
 */
export async function comparePassword(password: string, stored: string | undefined): Promise<Comparison> {
  const { salt, figures } = parse(stored ?? decoy)
  const computed = format(figures, salt, await derive(password, salt, figures))
  const outdated = figures.ln !== cost.ln || figures.r !== cost.r || figures.p !== cost.p
  return { matches: sameHash(computed, stored ?? decoy) && stored !== undefined, outdated }
}

/**
 * Whether a password may be set: 12–256 characters, at least four different ones, none that JSON or SQL cannot hold.
 *
 * @example
 * if (!isSuitable(password)) throw new RangeError('A password has 12 to 256 characters.')
 */
export function isSuitable(password: string): boolean {
  const characters = [...password]
  return (
    characters.length >= minPasswordLength &&
    password.length <= maxPasswordLength &&
    new Set(characters).size >= 4 &&
    !/[\0\p{Cs}]/u.test(password)
  )
}

/** Nobody's hash: a random one of the usual form. */
const decoy = format(cost, new Uint8Array(saltBytes), new Uint8Array(hashBytes))

function derive(password: string, salt: Uint8Array, figures: Cost): Promise<Uint8Array> {
  if (waiting >= maxWaiting) throw new Failure('password_queue_full', { retryAfterSeconds: 2 })
  waiting++
  // The same characters can be typed in more than one way (NIST SP 800-63B-4 §3.1.1.2). No hash needs more than 256.
  const bytes = new TextEncoder().encode(password.slice(0, maxPasswordLength + 1).normalize('NFKC'))
  const work = turn.then(() => run(bytes, salt, figures))
  turn = work.then(
    () => waiting--,
    () => waiting--,
  )
  return work
}

/** The part of `node:crypto` that is used; this folder is compiled without Node's types. */
interface NodeCrypto {
  scrypt(
    password: Uint8Array,
    salt: Uint8Array,
    length: number,
    options: { N: number; r: number; p: number; maxmem: number },
    done: (error: Error | null, key: Uint8Array) => void,
  ): void
}

async function run(password: Uint8Array, salt: Uint8Array, { ln, r, p }: Cost): Promise<Uint8Array> {
  const N = 2 ** ln
  const native = nodeCrypto()
  if (native === undefined) return scrypt(password, salt, { N, r, p, dkLen: hashBytes })
  return new Promise((resolve, reject) => {
    native.scrypt(password, salt, hashBytes, { N, r, p, maxmem: 256 * N * r }, (error, key) => {
      if (error === null) resolve(new Uint8Array(key))
      else reject(error)
    })
  })
}

function nodeCrypto(): NodeCrypto | undefined {
  // Not an import: bundles for runtimes without Node would not build.
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  return process?.getBuiltinModule?.('node:crypto') as NodeCrypto | undefined // what Node documents under that name
}

function format({ ln, r, p }: Cost, salt: Uint8Array, hash: Uint8Array): string {
  return `$scrypt$ln=${ln},r=${r},p=${p}$${encode(salt)}$${encode(hash)}`
}

function parse(stored: string): { salt: Uint8Array; figures: Cost } {
  const found = /^\$scrypt\$ln=(\d{1,2}),r=(\d{1,2}),p=(\d{1,2})\$([\w+/]+)\$[\w+/]+$/.exec(stored)
  const [ln = 0, r = 0, p = 0] = (found ?? []).slice(1, 4).map(Number)
  const isBounded = ln > 0 && r > 0 && p > 0 && 2 ** ln * r <= maxBlocks && p <= maxRounds
  if (found === null || !isBounded) throw new Failure('password_hash_invalid')
  return { salt: decode(found[4] ?? ''), figures: { ln, r, p } }
}

function decode(text: string): Uint8Array {
  try {
    return Uint8Array.from(atob(text), (character) => character.charCodeAt(0))
  } catch {
    throw new Failure('password_hash_invalid')
  }
}

/** Base64 without padding, as the PHC format has it. */
function encode(bytes: Uint8Array): string {
  return btoa(String.fromCharCode(...bytes)).replaceAll('=', '')
}
