/**
 * The signing keys of a project: PRIVATE_KEY, a ring that is named, the ring of the project's database, or the key files in
 * the project folder.
 */
import { existsSync, readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { sqlstateOf } from '../database/connect.ts'
import { stateFolder } from '../database/private-files.ts'
import { Failure } from '../errors.ts'
import { createFileRing } from '../issuer/ring/file.ts'
import { privateKeyFile, readKeyFiles } from '../issuer/ring/key-files.ts'
import { createRingSource, fixedRing } from '../issuer/ring/source.ts'
import { ensureKey } from '../issuer/ring/steps.ts'
import { parseKeyRing } from '../issuer/ring/text.ts'
import { type GeneratedKey, generateKey, importSigningKey } from '../token/key.ts'
import { fixedKeys, type KeySource } from '../token/key-source.ts'
import { openDatabaseRing } from './key-ring.ts'
import type { Project } from './project.ts'
import { type OpenDatabase, openDatabase } from './project-database.ts'
import { readRunning } from './running.ts'

/** Keys that are named in the settings, as the Worker is to be given them. */
export interface NamedKeys {
  readonly source: KeySource
  /** Secrets among them. */
  readonly bindings: Readonly<Record<string, string>>
  /** For a person: where they are. */
  readonly says: string
}

/**
 * Reads the keys that PRIVATE_KEY, KEY_RING or KEY_RING_FILE name.
 *
 * @returns undefined when none of them is set
 * @throws Failure `key_invalid`, `key_missing`
 */
export async function readNamedKeys({ env, directory }: Project): Promise<NamedKeys | undefined> {
  const { PRIVATE_KEY: privateKey, PUBLIC_KEY: publicKey, KEY_RING: ring, KEY_RING_FILE: file } = env
  if (privateKey !== undefined) {
    const key = await importSigningKey(privateKey)
    const bindings = { PRIVATE_KEY: privateKey, ...(publicKey !== undefined && { PUBLIC_KEY: publicKey }) }
    return { source: fixedKeys(key), bindings, says: `PRIVATE_KEY, ${key.alg} ${key.kid}` }
  }
  if (ring !== undefined) {
    return { source: fixedRing(await parseKeyRing(ring)), bindings: { KEY_RING: ring }, says: 'KEY_RING' }
  }
  if (file === undefined) return undefined
  const path = resolve(directory, file)
  const source = createRingSource(createFileRing(path))
  await source.jwks()
  return { source, bindings: { KEY_RING: readFileSync(path, 'utf8') }, says: `${file} as it is now` }
}

/**
 * Makes sure that the ring of an open database has a key that this machine can sign with. An empty ring gets the key of
 * `privateKey.jwk.json`, if that is there, as its first one, else a new one.
 *
 * @throws Failure `key_locked` when somebody else made it under another encryption key; `key_invalid`
 */
export async function prepareRing(project: Project, database: OpenDatabase): Promise<{ says: string }> {
  const store = await openDatabaseRing(database)
  const adopt = existsSync(join(project.directory, privateKeyFile))
  const { kid, made } = await ensureKey(store, () => (adopt ? readFirstKey(project.directory) : generateKey()))
  if (kid === undefined) throw new Failure('key_missing', { detail: 'No key of the ring signs' })
  const { alg } = await importSigningKey(await store.privateJwk(kid))
  const origin = adopt ? ` (${privateKeyFile})` : ' (made now)'
  return { says: `key ring of the database, ${alg} ${kid}${made ? origin : ''}` }
}

/**
 * Finds the keys of a project, wherever they are, and hands them to `work`.
 *
 * @throws Failure `key_missing` when there is none, `key_invalid`, `key_locked` when they cannot be used
 */
export async function withProjectKeys<T>(project: Project, work: (source: KeySource) => Promise<T>): Promise<T> {
  const named = await readNamedKeys(project)
  if (named !== undefined) return work(named.source)
  if (!hasDatabase(project)) return work(await readFixed(project.directory))
  const database = await openDatabase(project)
  try {
    const source = createRingSource(await openDatabaseRing(database))
    return await work((await hasKeys(source)) ? source : await readFixed(project.directory))
  } finally {
    await database.stop()
  }
}

/**
 * The keys of a project as the Worker is to be given them: those that `withProjectKeys` signs with. All of it is secret.
 *
 * @throws Failure `key_missing` when there is none, `key_invalid` when they cannot be used
 */
export async function readKeyBindings(
  project: Project,
  database: OpenDatabase,
): Promise<Readonly<Record<string, string>>> {
  const named = await readNamedKeys(project)
  if (named !== undefined) return named.bindings
  const source = createRingSource(await openDatabaseRing(database))
  if (await hasKeys(source)) return { KEY_ENCRYPTION_KEYS: database.encryptionKeys }
  return { PRIVATE_KEY: JSON.stringify((await readKeyFiles(project.directory)).privateJwk) }
}

/** Whether there is one to look into: nothing is started only to find it empty. */
function hasDatabase({ ownerUrl, directory }: Project): boolean {
  const made = existsSync(join(directory, stateFolder, 'postgres'))
  return ownerUrl !== undefined || made || readRunning(directory)?.ready === true
}

/** A database that is not prepared, and a ring that is empty, have none. */
async function hasKeys(source: KeySource): Promise<boolean> {
  try {
    return (await source.jwks()).keys.length > 0
  } catch (error) {
    const none = error instanceof Failure && error.code === 'key_missing'
    // No such function, no such schema.
    if (none || ['42883', '3F000', '42P01'].includes(sqlstateOf(error) ?? '')) return false
    throw error
  }
}

async function readFixed(directory: string): Promise<KeySource> {
  return fixedKeys((await readKeyFiles(directory)).signingKey)
}

async function readFirstKey(directory: string): Promise<GeneratedKey> {
  const { signingKey, privateJwk } = await readKeyFiles(directory)
  const { kid, alg, publicJwk } = signingKey
  return { kid, alg, publicJwk, privateJwk: { ...privateJwk, use: 'sig', alg, kid } }
}
