/**
 * Finds the key ring of a project: in a file that is named, or in the project's database.
 */
import { resolve } from 'node:path'
import { connectTo, serverOf } from '../database/connect.ts'
import { parseEncryptionKeys } from '../issuer/ring/encryption.ts'
import { createFileRing } from '../issuer/ring/file.ts'
import { createPostgresRing } from '../issuer/ring/postgres.ts'
import type { RingTiming } from '../issuer/ring/ring.ts'
import { defaultTiming, type RingStore } from '../issuer/ring/ring-store.ts'
import { parseTiming } from '../issuer/ring/text.ts'
import type { Io } from './io.ts'
import { loadProject } from './project.ts'
import { type OpenDatabase, withIssuerDatabase } from './project-database.ts'

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
export async function withRingStore<T>(
  io: Io,
  options: RingOptions,
  work: (store: RingStore) => Promise<T>,
): Promise<T> {
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
  if (file !== undefined) return work(createFileRing(resolve(io.cwd, file), { timing }))
  return withIssuerDatabase(io, async (database) => work(await openDatabaseRing(database, timing)))
}

/**
 * The ring of a database.
 *
 * @throws Failure `config_invalid` when the encryption keys are none
 */
export async function openDatabaseRing(
  { ownerUrl, encryptionKeys }: Pick<OpenDatabase, 'ownerUrl' | 'encryptionKeys'>,
  timing: RingTiming = defaultTiming,
): Promise<RingStore> {
  const keys = await parseEncryptionKeys(encryptionKeys)
  return createPostgresRing({ says: serverOf(ownerUrl), connect: connectTo(ownerUrl), encryptionKeys: keys, timing })
}
