/** Key files of a project on disk, as the Neon demo names them. The one part of `keys` that needs Node. */
import { constants } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import type { JWK } from 'jose'
import { Failure } from '../../errors.ts'
import {
  type Algorithm,
  generateKey,
  importSigningKey,
  type PublicJwk,
  type SigningKey,
  toPublicJwk,
} from '../../token/key.ts'

/** The secret half; mode 0600. */
export const privateKeyFile = 'privateKey.jwk.json'
/** The half to publish; mode 0644. */
export const publicKeyFile = 'publicKey.jwk.json'

/** No ring of keys is near this size, let alone a key. */
const maxFileBytes = 262_144

/** Where a new pair was put. */
export interface WrittenKeyFiles {
  readonly kid: string
  readonly alg: Algorithm
  readonly privatePath: string
  readonly publicPath: string
}

/** A pair as it was read, checked and ready to use. */
export interface KeyFiles {
  readonly signingKey: SigningKey
  readonly publicJwk: PublicJwk
  /** A secret: for handing to a Worker as PRIVATE_KEY. */
  readonly privateJwk: JWK
}

/**
 * Makes a key pair and writes it to a folder.
 *
 * Creates both files or neither, and never writes over one that is there, also when two processes start at once.
 *
 * @param directory must exist
 * @param alg default `ES256`
 * @throws Failure `key_exists` when either file is there, `input_invalid` when the folder cannot be written
 */
export async function writeKeyFiles(directory: string, alg: Algorithm = 'ES256'): Promise<WrittenKeyFiles> {
  const privatePath = join(directory, privateKeyFile)
  const publicPath = join(directory, publicKeyFile)
  const { kid, publicJwk, privateJwk } = await generateKey(alg)
  await writeNew(privatePath, privateKeyFile, privateJwk, 0o600)
  try {
    await writeNew(publicPath, publicKeyFile, publicJwk, 0o644)
  } catch (error) {
    await rm(privatePath, { force: true })
    throw error
  }
  return { kid, alg, privatePath, publicPath }
}

/**
 * Reads the key pair of a folder.
 *
 * Refuses a private key that other users of the machine can read (not checked on Windows), and halves that do not belong
 * together. Does NOT check who owns the files or the folder.
 *
 * @throws Failure `key_missing` when one of the files is not there
 * @throws Failure `key_invalid` when one cannot be used; `detail` names the file
 */
export async function readKeyFiles(directory: string): Promise<KeyFiles> {
  const privateText = await readKeyFile(directory, privateKeyFile, { secret: true })
  const publicText = await readKeyFile(directory, publicKeyFile, { secret: false })
  const signingKey = await about(privateKeyFile, importSigningKey(privateText))
  const publicJwk = await about(publicKeyFile, toPublicJwk(publicText))
  const nameless = (jwk: PublicJwk) => JSON.stringify({ ...jwk, kid: '' })
  if (nameless(publicJwk) !== nameless(signingKey.publicJwk)) {
    throw invalid(`${publicKeyFile} is not the public half of ${privateKeyFile}`)
  }
  if (publicJwk.kid !== signingKey.kid) {
    throw invalid(`${publicKeyFile} and ${privateKeyFile} have not the same "kid": verifiers would not find the key`)
  }
  return { signingKey, publicJwk, privateJwk: JSON.parse(privateText) }
}

async function writeNew(path: string, name: string, jwk: object, mode: number): Promise<void> {
  const file = await open(path, 'wx', mode).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'EEXIST') throw new Failure('key_exists', { detail: `${name} exists`, cause })
    const why = cause.code === 'ENOENT' ? 'the folder does not exist' : cause.code
    throw new Failure('input_invalid', { detail: `${path} cannot be written: ${why}`, cause })
  })
  try {
    await file.writeFile(`${JSON.stringify(jwk, null, 2)}\n`)
    await file.sync()
  } catch (error) {
    await rm(path, { force: true })
    throw error
  } finally {
    await file.close()
  }
}

/**
 * Reads a file that holds keys.
 *
 * @param secret whether to refuse a file that other users of the machine can read (not checked on Windows)
 * @throws Failure `key_missing` when it is not there, `key_invalid` when it is no such file; neither quotes it
 */
export async function readKeyFile(directory: string, name: string, { secret }: { secret: boolean }): Promise<string> {
  // Non-blocking, so that a named pipe in place of the file is refused instead of waited for.
  const flags = constants.O_RDONLY | (constants.O_NONBLOCK ?? 0)
  const file = await open(join(directory, name), flags).catch((cause: NodeJS.ErrnoException) => {
    if (cause.code === 'ENOENT') throw new Failure('key_missing', { detail: `${name} does not exist`, cause })
    throw new Failure('key_invalid', { detail: `${name} cannot be opened (${cause.code})`, cause })
  })
  try {
    await checkFile(file, name, secret)
    return await file.readFile('utf8')
  } finally {
    await file.close()
  }
}

/** Looks at the open file, not at its name, so what is checked is what is read. */
async function checkFile(file: FileHandle, name: string, secret: boolean): Promise<void> {
  const facts = await file.stat()
  if (!facts.isFile()) throw invalid(`${name} is not a regular file`)
  if (facts.size > maxFileBytes) throw invalid(`${name} is too large to be a key`)
  if (secret && process.platform !== 'win32' && (facts.mode & 0o077) !== 0) {
    throw invalid(
      `${name} is open to other users of this machine: run "chmod 600 ${name}", and replace the key if they are not trusted`,
    )
  }
}

async function about<T>(name: string, work: Promise<T>): Promise<T> {
  return work.catch((cause: unknown) => {
    throw cause instanceof Failure ? invalid(`${name}: ${cause.detail}`) : cause
  })
}

function invalid(detail: string): Failure {
  return new Failure('key_invalid', { detail })
}
