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
const aliveNumber = 815_005
const lockWaitMs = 120_000
const madeFor = 'made for '

/**
 * Opens a server for throw-away databases. As roles belong to the server, one process at a time makes or drops some: the
 * next one waits up to two minutes. A role that another process has come to use by then is left.
 *
 * What a process left that was killed is dropped here: its databases, and the roles that were made for them and own nothing.
 * Roles of a script that was running when it was killed are not known, and stay.
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
  const alive = await stayAlive(home, prefix)
  await exclusively(home, removeAbandoned)
  const marked = new Set<string>()

  /** Says of roles whose they are, for whoever finds them when this process was killed. */
  async function mark(client: pg.ClientBase): Promise<void> {
    for (const role of made) {
      if (!marked.has(role))
        await tryTo(client, `comment on role ${pg.escapeIdentifier(role)} is '${madeFor}${prefix}'`)
      marked.add(role)
    }
  }

  async function make(template?: string, known?: Loader): Promise<ScratchDatabase> {
    const name = `${prefix}_${names.length}`
    await withConnection(home, (client) => createDatabase(client, name, template))
    names.push(name)
    const loader = known ?? (await createLoader(made, { isFresh: template === undefined }))
    const own = withDatabase(url, name)
    const database: ScratchDatabase = {
      url: own,
      load: (scripts, options) =>
        exclusively(home, async (client) => {
          try {
            await withConnection(own, (connection) => loader.run(connection, scripts, options))
          } finally {
            await mark(client)
          }
        }),
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
        await dropRoles(client, made)
      }).finally(() => alive.end()),
  }
}

/** Holds a lock as long as this process lives, so that nobody takes what is its own for what was left. */
async function stayAlive(home: string, prefix: string): Promise<pg.Client> {
  await withConnection(home, async () => undefined)
  const client = new pg.Client({ connectionString: home, application_name: 'rowpass' })
  client.on('error', () => undefined)
  await client.connect()
  await client.query('set idle_session_timeout = 0')
  await client.query('select pg_advisory_lock($1, hashtext($2))', [aliveNumber, prefix])
  return client
}

/** Drops what is left of processes that are gone, and that nobody is connected to. */
async function removeAbandoned(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ prefix: string; databases: string[]; roles: string[] }>(
    `with found as (
       select datname as database, null as role, left(datname, 26) as prefix from pg_database
        where datname ~ '^rowpass_scratch_[0-9a-f]{10}_[0-9]+$' and pg_has_role(datdba, 'usage')
       union all
       select null, rolname, substr(shobj_description(oid, 'pg_authid'), ${madeFor.length + 1}) from pg_roles
        where shobj_description(oid, 'pg_authid') ~ '^${madeFor}rowpass_scratch_[0-9a-f]{10}$')
     select prefix, array_remove(array_agg(database::text), null) as databases,
            array_remove(array_agg(role::text), null) as roles
       from found group by prefix`,
  )
  for (const { prefix, databases, roles } of rows) {
    const lock = [aliveNumber, prefix]
    const { rows: tried } = await client.query('select pg_try_advisory_lock($1, hashtext($2)) as gone', lock)
    if (tried[0]?.gone !== true) continue
    // Without FORCE: whoever is connected is at work.
    for (const name of databases) await tryTo(client, `drop database if exists ${pg.escapeIdentifier(name)}`)
    await dropRoles(client, new Set(roles))
    await client.query('select pg_advisory_unlock($1, hashtext($2))', lock)
  }
}

/** A role that another one of them was granted to or by goes after it. Takes those out of the set that are gone. */
async function dropRoles(client: pg.ClientBase, roles: Set<string>): Promise<void> {
  for (let before = -1; roles.size !== before; ) {
    before = roles.size
    for (const role of roles)
      if (await tryTo(client, `drop role if exists ${pg.escapeIdentifier(role)}`)) roles.delete(role)
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

/** Whether PostgreSQL did it. */
async function tryTo(client: pg.ClientBase, sql: string): Promise<boolean> {
  try {
    await client.query(sql)
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
