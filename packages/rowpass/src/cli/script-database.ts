/**
 * The database that scripts make: of files and folders of a repository, for commands that look at a database.
 */

import type { LoadReport } from '../scratch/load.ts'
import { openScratchServer, type ScratchServer } from '../scratch/server.ts'
import { readScripts } from '../scratch/sources.ts'
import { type ChosenDatabase, findDatabase, givenDatabase } from './chosen-database.ts'
import type { Io } from './io.ts'
import { loadLocal } from './local.ts'

/** A server for throw-away databases, and what ends it. */
export interface OpenScratch {
  readonly server: ScratchServer
  close(): Promise<void>
}

/**
 * Opens a server for throw-away databases: that of the given URL or of OWNER_DATABASE_URL, else an embedded one that keeps
 * nothing.
 *
 * @throws Failure `local_missing` where there is neither; `database_unavailable`
 */
export async function openScratch(io: Io, given: string | undefined): Promise<OpenScratch> {
  const url = givenDatabase(io, given)
  if (url !== undefined) {
    const server = await openScratchServer(url)
    return { server, close: server.close }
  }
  const { openScratchPostgres } = await loadLocal()
  const embedded = await openScratchPostgres()
  return { server: await openScratchServer(embedded.url), close: embedded.stop }
}

/** What a command is about. */
export interface SubjectChoice {
  /** The URL on the command line: a database, or the server for what scripts make. */
  readonly given: string | undefined
  /** Files and folders of scripts; with none, it is a database that there is. */
  readonly paths: readonly string[]
  /** Finds that one. Default: as `findDatabase`. */
  readonly find?: (io: Io, given: string | undefined) => Promise<ChosenDatabase>
}

/**
 * Runs `work` with the URL of the database that a command is about: what scripts make where paths are given, else one that
 * there is. What was made up for the scripts, and what was left out of them, goes to standard error.
 *
 * @throws Failure those of {@link openScratch}, `readScripts` and `Loader.run`; with no path those of `find`
 */
export async function withSubject<T>(
  io: Io,
  { given, paths, find = findOnly }: SubjectChoice,
  work: (url: string) => Promise<T>,
): Promise<T> {
  if (paths.length === 0) {
    const { href, close } = await find(io, given)
    return work(href).finally(close)
  }
  const scripts = readScripts(io.cwd, paths)
  const { server, close } = await openScratch(io, given)
  try {
    const database = await server.create()
    await database.load(scripts)
    for (const line of describeLoad(database.report())) io.stderr(`${line}\n`)
    return await work(database.url)
  } finally {
    await close()
  }
}

async function findOnly(io: Io, given: string | undefined): Promise<ChosenDatabase> {
  return { href: findDatabase(io, given), close: async () => undefined }
}

/** One line for each thing that is not as the scripts have it. */
export function describeLoad({ stubbed, left }: LoadReport): string[] {
  return [...stubbed.map((each) => `made up: ${each}`), ...left.map((each) => `left out: ${each}`)]
}
