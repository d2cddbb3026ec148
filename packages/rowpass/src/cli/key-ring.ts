/**
 * Finds the key ring of a project: in a file that is named, or in the project's database.
 */
import { resolve } from 'node:path'
import { Failure } from '../errors.ts'
import { type EncryptionKeys, parseEncryptionKeys } from '../issuer/ring/encryption.ts'
import { createFileStore } from '../issuer/ring/file-store.ts'
import { createPostgresStore } from '../issuer/ring/postgres-store.ts'
import { parseTiming } from '../issuer/ring/ring-text.ts'
import { defaultTiming, type KeyStore } from '../issuer/ring/store.ts'
import type { Io } from './io.ts'
import { withIssuerDatabase } from './local-database.ts'
import { loadProject } from './project.ts'

/** Where the ring is, as options of a command say. */
export interface RingOptions {
  /** Path of a ring file; KEY_RING_FILE when absent. */
  readonly file?: string
  /** Seconds for which others may keep the published keys, for a ring that is not there yet. */
  readonly maxAge?: number
  /** Seconds for which an instance may go on with its copy, for a ring that is not there yet. */
  readonly lag?: number
}

/**
 * Opens the ring, hands it to `work`, and closes what was opened.
 *
 * @throws Failure `config_invalid` when the database is not prepared, or KEY_ENCRYPTION_KEYS is wrong
 */
export async function withKeyStore<T>(io: Io, options: RingOptions, work: (store: KeyStore) => Promise<T>): Promise<T> {
  const project = loadProject(io)
  const { maxAge: jwksMaxAgeSeconds, lag: lagSeconds } = options
  const timing = parseTiming({
    ...defaultTiming,
    ...(jwksMaxAgeSeconds !== undefined && { jwksMaxAgeSeconds }),
    ...(lagSeconds !== undefined && { lagSeconds }),
  })
  if (project.env.PRIVATE_KEY !== undefined) {
    io.stderr('note: PRIVATE_KEY is set. Where it is, the API signs with that key, and not with a ring.\n')
  }
  const file = options.file ?? project.env.KEY_RING_FILE
  if (file !== undefined) return work(createFileStore(resolve(io.cwd, file), { timing }))
  return withIssuerDatabase(io, async (database) => {
    const encryptionKeys = await readEncryptionKeys(database.encryptionKeys)
    return work(createPostgresStore({ ownerUrl: database.ownerUrl, encryptionKeys, timing }))
  })
}

/** @throws Failure `config_invalid`, which does not quote the text */
export async function readEncryptionKeys(text: string): Promise<EncryptionKeys> {
  try {
    return await parseEncryptionKeys(text)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new Failure('config_invalid', { detail: `KEY_ENCRYPTION_KEYS: ${error.message}`, cause: error })
  }
}
