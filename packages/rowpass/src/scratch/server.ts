/**
 * Throw-away databases on a server: made, copied and dropped, with the roles that were made for them.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { parsePostgresUrl, sqlstateOf, withConnection } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import { createLoader, type Loader, type LoadReport } from './load.ts'
import type { Script } from './sources.ts'

/** A database that is thrown away. */
export interface ScratchDatabase {
  readonly url: string
  /** Runs scripts in it, see `Loader`. */
  load(scripts: readonly Script[], options?: { keepRoles?: boolean }): Promise<void>
  /** What came of all scripts, those of what it is a copy of as well. */
  report(): LoadReport
}

/** Makes databases of its own on a server. */
export interface ScratchServer {
  /** An empty database. */
  create(): Promise<ScratchDatabase>
  /** A copy of one of its own. Nobody may be connected to that. */
  copy(database: ScratchDatabase): Promise<ScratchDatabase>
  /** A copy of any database of the server. */
  copyOf(url: string): Promise<ScratchDatabase>
  /** Drops the databases, then the roles that were made for them. */
  close(): Promise<void>
}

const lockNumber = 815_004
const lockWaitMs = 120_000

/**
 * Opens a server for throw-away databases. As roles belong to the server, one process at a time makes or drops some: the
 * next one waits up to two minutes. A role that another process has come to use by then is left.
 *
 * @param url of a login that may create databases; its own database is not connected to
 * @throws Failure `database_unavailable` when it cannot be reached
 * @throws Failure `scratch_busy` when another process is at it for too long
 */
export async function openScratchServer(url: string): Promise<ScratchServer> {
  const prefix = `rowpass_scratch_${randomBytes(5).toString('hex')}`
  const names: string[] = []
  const made = new Set<string>()
  const loaders = new Map<ScratchDatabase, Loader>()
  // What is copied may have nobody connected to it, ourselves included.
  const home = withDatabase(url, 'postgres')
  await withConnection(home, async () => undefined)

  async function make(template?: string, known?: Loader): Promise<ScratchDatabase> {
    const name = `${prefix}_${names.length}`
    await withConnection(home, (client) => createDatabase(client, name, template))
    names.push(name)
    const loader = known ?? (await createLoader(made, { isFresh: template === undefined }))
    const own = withDatabase(url, name)
    const database: ScratchDatabase = {
      url: own,
      load: (scripts, options) =>
        exclusively(home, () => withConnection(own, (client) => loader.run(client, scripts, options))),
      report: loader.report,
    }
    loaders.set(database, loader)
    return database
  }

  return {
    create: () => make(),
    copy: (database) => make(databaseOf(database.url), loaders.get(database)),
    copyOf: (other) => make(databaseOf(other)),
    close: () =>
      exclusively(home, async (client) => {
        for (const name of names) await client.query(`drop database if exists ${name} with (force)`)
        // A role that another one of them was granted to or by goes after it.
        for (let before = -1; made.size !== before; ) {
          before = made.size
          for (const role of made) if (await dropRole(client, role)) made.delete(role)
        }
      }),
  }
}

/** Runs `work` while no other process is in here. */
function exclusively<T>(home: string, work: (client: pg.ClientBase) => Promise<T>): Promise<T> {
  return withConnection(home, async (client) => {
    try {
      await client.query(`set lock_timeout = ${lockWaitMs}`)
      await client.query('select pg_advisory_lock($1)', [lockNumber])
    } catch (error) {
      throw sqlstateOf(error) === '55P03' ? new Failure('scratch_busy', { cause: error }) : error
    }
    return work(client)
  })
}

/** The same with a name that does not change from run to run in the place of a throw-away database's. */
export function withSteadyName<T>(value: T, url: string): T {
  return JSON.parse(JSON.stringify(value).replaceAll(databaseOf(url), 'this_database')) as T
}

async function createDatabase(client: pg.ClientBase, name: string, template: string | undefined): Promise<void> {
  const from = template === undefined ? 'template0' : pg.escapeIdentifier(template)
  try {
    await client.query(
      `create database ${name} template ${from}${template === undefined ? " encoding 'UTF8'" : ''} strategy file_copy`,
    )
  } catch (error) {
    const code = sqlstateOf(error)
    if (code === '42501') {
      const detail = 'create a database; a superuser may, or one with CREATEDB'
      throw new Failure('owner_powerless', { detail, cause: error })
    }
    if (code === '55006') throw new Failure('database_in_use', { detail: template ?? '', cause: error })
    throw error
  }
}

async function dropRole(client: pg.ClientBase, role: string): Promise<boolean> {
  try {
    await client.query(`drop role if exists ${pg.escapeIdentifier(role)}`)
    return true
  } catch (error) {
    if (sqlstateOf(error) === undefined) throw error
    return false
  }
}

function databaseOf(url: string): string {
  return decodeURIComponent(parsePostgresUrl(url).pathname.slice(1))
}

function withDatabase(url: string, name: string): string {
  const other = parsePostgresUrl(url)
  other.pathname = `/${name}`
  return other.href
}
