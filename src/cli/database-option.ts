/**
 * The database that a command is about, where it takes any.
 */
import { Failure } from '../errors.ts'
import type { Io } from './io.ts'
import { loadProject } from './project.ts'

/**
 * Chooses the URL that was given, else OWNER_DATABASE_URL.
 *
 * @throws Failure `config_invalid` when there is neither
 */
export function chooseDatabase(io: Io, given: string | undefined): string {
  const url = given ?? loadProject(io).ownerUrl
  if (url !== undefined) return url
  throw new Failure('config_invalid', { detail: 'set OWNER_DATABASE_URL, or give --database-url' })
}
