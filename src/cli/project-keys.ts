/**
 * The signing key of a project: PRIVATE_KEY, or the key files in the project folder.
 */
import { Failure } from '../errors.ts'
import { PRIVATE_KEY_FILE, PUBLIC_KEY_FILE, readKeyFiles, writeKeyFiles } from '../keys/files.ts'
import { importSigningKey, type SigningKey } from '../keys/key.ts'
import type { Project } from './project.ts'

/** A key that can sign here and be handed to the Worker. */
export interface ProjectKeys {
  readonly signingKey: SigningKey
  /** Private JWK as JSON text: a secret. */
  readonly privateKey: string
  /** More public keys to publish, as PUBLIC_KEY names them. */
  readonly publicKey: string | undefined
  /** For a person: where the key comes from. */
  readonly says: string
}

/**
 * Finds the key of a project.
 *
 * @throws Failure `key_missing` when there is none, `key_invalid` when it cannot be used
 */
export async function loadKeys(project: Project): Promise<ProjectKeys> {
  const { PRIVATE_KEY: privateKey, PUBLIC_KEY: publicKey } = project.env
  if (privateKey !== undefined) {
    const signingKey = await importSigningKey(privateKey)
    return { signingKey, privateKey, publicKey, says: `PRIVATE_KEY, ${signingKey.alg} ${signingKey.kid}` }
  }
  const { signingKey, privateJwk } = await readKeyFiles(project.directory)
  const says = `${PRIVATE_KEY_FILE}, ${signingKey.alg} ${signingKey.kid}`
  return { signingKey, privateKey: JSON.stringify(privateJwk), publicKey, says }
}

/** As {@link loadKeys}; makes key files when there is neither a file nor PRIVATE_KEY. */
export async function loadOrMakeKeys(project: Project): Promise<ProjectKeys> {
  try {
    return await loadKeys(project)
  } catch (error) {
    if (!(error instanceof Failure) || error.code !== 'key_missing') throw error
  }
  await writeKeyFiles(project.directory).catch((error: unknown) => {
    // Half a pair is left alone: the missing half may be somewhere safe.
    if (!(error instanceof Failure) || error.code !== 'key_exists') throw error
    const detail = `only one of ${PRIVATE_KEY_FILE} and ${PUBLIC_KEY_FILE} is there`
    throw new Failure('key_missing', { detail, cause: error })
  })
  const keys = await loadKeys(project)
  return { ...keys, says: `${keys.says} (made now, git ignores it)` }
}
