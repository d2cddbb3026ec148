/**
 * Chooses the database that a command is about, and the login that it is looked at with.
 */
import { parsePostgresUrl } from '../database/connect.ts'
import { makeStateFolder } from '../database/private-files.ts'
import { loadSecrets } from '../database/secrets.ts'
import { Failure } from '../errors.ts'
import type { Io } from './io.ts'
import { loadProject } from './project.ts'
import { openDatabase } from './project-database.ts'
import { readRunning } from './running.ts'

/** A URL, and what has to be ended after use. */
export interface ChosenDatabase {
  readonly href: string
  close(): Promise<void>
}

/**
 * The given URL, else OWNER_DATABASE_URL; for commands that must not guess.
 *
 * @throws Failure `config_invalid` when there is neither, or the URL is none
 */
export function namedDatabase(io: Io, given: string | undefined): string {
  const url = givenDatabase(io, given)
  if (url !== undefined) return url
  throw new Failure('config_invalid', {
    detail: 'set OWNER_DATABASE_URL, or give --database-url; "npx rowpass env" prints the URL of what runs here',
  })
}

/**
 * The given URL, else OWNER_DATABASE_URL, else the database that runs in this folder.
 *
 * @throws Failure `not_running` when there is none, `config_invalid` when the URL is none
 */
export function findDatabase(io: Io, given: string | undefined): string {
  const url = givenDatabase(io, given)
  if (url !== undefined) return url
  const running = readRunning(io.cwd)
  if (running?.ready === true) return running.ownerUrl
  throw new Failure('not_running')
}

/**
 * The given URL, else OWNER_DATABASE_URL, else the embedded database, which is started if it does not run; of that one
 * the superuser's, as the owner is subject to FORCE and would have to lock tables.
 *
 * @throws Failure see `openDatabase`; `config_invalid` when the URL is none
 */
export async function openAnyDatabase(io: Io, given: string | undefined): Promise<ChosenDatabase> {
  const url = givenDatabase(io, given)
  if (url !== undefined) return { href: url, close: async () => undefined }
  const project = loadProject(io)
  const database = await openDatabase(project)
  return { href: superuserUrl(project.directory, database.ownerUrl), close: database.stop }
}

/** The given URL, else OWNER_DATABASE_URL, else undefined. */
export function givenDatabase(io: Io, given: string | undefined): string | undefined {
  return given === undefined ? loadProject(io).ownerUrl : parsePostgresUrl(given, '--database-url').href
}

/** The superuser of the embedded server, in the project's database. */
export function superuserUrl(directory: string, ownerUrl: string): string {
  const { secrets } = loadSecrets(makeStateFolder(directory))
  const url = new URL(ownerUrl)
  url.username = 'postgres'
  url.password = secrets.superuserPassword
  return url.href
}
