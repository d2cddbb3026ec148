/**
 * Secrets that Rowpass makes for a project on its own machine: `.rowpass/secrets.json`, mode 0600.
 */
import { randomBytes } from 'node:crypto'
import { linkSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'
import { isErrno, readJsonFile, writeJsonFile } from './private-files.ts'

/** Passwords and keys of the local system. None of them is ever printed, except by `rowpass env` as part of a URL. */
export interface LocalSecrets {
  /** Password of the embedded server's superuser. */
  readonly superuserPassword: string
  /** Password of the owner role of the embedded database. */
  readonly ownerPassword: string
  /** Password of the gateway's login role. */
  readonly gatewayPassword: string
  /** Password of the issuer's login role. */
  readonly issuerPassword: string
  /** Seal keys, `name:base64url`. */
  readonly sealKeys: string
  /** What private keys in the database are encrypted under, `name:base64url`. */
  readonly encryptionKeys: string
}

const makers: { readonly [name in keyof LocalSecrets]: () => string } = {
  superuserPassword: randomPassword,
  ownerPassword: randomPassword,
  gatewayPassword: randomPassword,
  issuerPassword: randomPassword,
  sealKeys: makeNamedKey,
  encryptionKeys: makeNamedKey,
}

/** 256 random bits in base64url: no character that a URL or SQL would have to escape. */
function randomPassword(): string {
  return randomBytes(32).toString('base64url')
}

/**
 * Reads the secrets of a project and makes those that are missing.
 *
 * Two processes that start at the same time get the same secrets: only one of them creates the file.
 *
 * @param folder the project's state folder
 * @returns the secrets and the names of those made now
 * @throws Failure `state_invalid` when the file is damaged; it is left as it is
 */
export function loadSecrets(folder: string): { secrets: LocalSecrets; made: readonly string[] } {
  const path = join(folder, 'secrets.json')
  const stored = readJsonFile(path)
  const made: string[] = []
  const pick = (name: keyof LocalSecrets): string => {
    const value = stored?.[name]
    if (value === undefined) {
      made.push(name)
      return makers[name]()
    }
    if (typeof value === 'string' && value.length > 0) return value
    throw new Failure('state_invalid', { detail: `${path}: ${name} is not a text` })
  }
  const secrets: LocalSecrets = {
    superuserPassword: pick('superuserPassword'),
    ownerPassword: pick('ownerPassword'),
    gatewayPassword: pick('gatewayPassword'),
    issuerPassword: pick('issuerPassword'),
    sealKeys: pick('sealKeys'),
    encryptionKeys: pick('encryptionKeys'),
  }
  if (made.length === 0) return { secrets, made }
  if (stored !== undefined) writeJsonFile(path, { ...stored, ...secrets })
  else if (!createSecrets(path, secrets)) return loadSecrets(folder)
  return { secrets, made }
}

/** A name of its own: several machines may work on one database, each with its key. */
function makeNamedKey(): string {
  return `local-${randomBytes(4).toString('hex')}:${randomPassword()}`
}

/** Hard links are atomic and never overwrite; returns false when another process was first. */
function createSecrets(path: string, secrets: LocalSecrets): boolean {
  const draft = `${path}.${process.pid}.new`
  writeJsonFile(draft, { ...secrets })
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (isErrno(error, 'EEXIST')) return false
    throw error
  } finally {
    rmSync(draft, { force: true })
  }
}
