/**
 * Chooses the database that `rowpass why` looks at, and the login that sees most there.
 */
import { parsePostgresUrl } from '../database/connect.ts'
import { makeStateFolder } from '../database/private-files.ts'
import { loadSecrets } from '../database/secrets.ts'
import type { Io } from './io.ts'
import { openDatabase } from './local-database.ts'
import { loadProject } from './project.ts'

/** A URL, and what has to be ended after use. */
export interface ChosenDatabase {
  readonly href: string
  close(): Promise<void>
}

/**
 * The given URL, else the project's database.
 *
 * Of the embedded database it is the superuser's: the owner is subject to FORCE and would have to lock tables.
 *
 * @throws Failure see `openDatabase`; `config_invalid` when the URL is none
 */
export async function chooseDatabase(io: Io, given: string | undefined): Promise<ChosenDatabase> {
  if (given !== undefined) {
    return { href: parsePostgresUrl(given, '--database-url').href, close: async () => undefined }
  }
  const project = loadProject(io)
  const database = await openDatabase(project)
  if (project.ownerUrl !== undefined) return { href: project.ownerUrl, close: database.stop }
  return { href: superuserUrl(project.directory, database.ownerUrl), close: database.stop }
}

/** The superuser of the embedded server, in the project's database. */
export function superuserUrl(directory: string, ownerUrl: string): string {
  const { secrets } = loadSecrets(makeStateFolder(directory))
  const url = new URL(ownerUrl)
  url.username = 'postgres'
  url.password = secrets.superuserPassword
  return url.href
}
