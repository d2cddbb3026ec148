/**
 * Throw-away databases on a server: made, copied and dropped, with the roles that were made for them.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { parsePostgresUrl, sqlstateOf, withConnection } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import { createLoader, type Loader } from './load.ts'

/** A database that is thrown away. */
export interface ScratchDatabase {
  readonly url: string
  readonly loader: Loader
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
 * Opens a server for throw-away databases. As roles belong to the server, one process at a time has it: the next one waits
 * up to two minutes.
 *
 * @param url of a login that may create databases; its own database is only connected to
 * @throws Failure `database_unavailable` when it cannot be reached
 * @throws Failure `scratch_busy` when another process has it for too long
 */
export async function openScratchServer(url: string): Promise<ScratchServer> {
  const prefix = `rowpass_scratch_${randomBytes(5).toString('hex')}`
  const names: string[] = []
  const made = new Set<string>()
  const unlock = await takeLock(url)
  const administer = (work: (client: pg.Client) => Promise<void>) => withConnection(url, work)

  async function make(template: string | undefined, loader?: Loader): Promise<ScratchDatabase> {
    const name = `${prefix}_${names.length}`
    await administer((client) => createDatabase(client, name, template))
    names.push(name)
    return { url: withDatabase(url, name), loader: loader ?? (await createLoader(made)) }
  }

  return {
    create: () => make(undefined),
    copy: (database) => make(databaseOf(database.url), database.loader),
    copyOf: (other) => make(databaseOf(other)),
    close: () =>
      administer(async (client) => {
        for (const name of names) await client.query(`drop database if exists ${name} with (force)`)
        // A role that another one of them was granted to or by goes after it.
        for (let before = -1; made.size !== before; ) {
          before = made.size
          for (const role of made) if (await dropRole(client, role)) made.delete(role)
        }
      }).finally(unlock),
  }
}

/** Holds a lock by a connection of its own, which ends with this process. */
async function takeLock(url: string): Promise<() => Promise<void>> {
  let release = (): void => undefined
  const released = new Promise<void>((resolve) => {
    release = resolve
  })
  let held: Promise<void> | undefined
  await new Promise<void>((resolve, reject) => {
    held = withConnection(url, async (client) => {
      await client.query(`set lock_timeout = ${lockWaitMs}`)
      await client.query('select pg_advisory_lock($1)', [lockNumber])
      resolve()
      await released
    })
    held.catch(reject)
  }).catch((error: unknown) => {
    throw sqlstateOf(error) === '55P03' ? new Failure('scratch_busy', { cause: error }) : error
  })
  return async () => {
    release()
    // What breaks it has let go of the lock as well.
    await held?.catch(() => undefined)
  }
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
