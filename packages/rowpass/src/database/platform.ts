/**
 * Installs the SQL of Rowpass: what is new or has changed, all of it or nothing.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type pg from 'pg'
import { Failure } from '../errors.ts'
import { sqlstateOf } from './connect.ts'
import { adoptNumbering, newer, wasNumbered } from './numbering.ts'
import { issuerRoom, platformRooms, readRevision, readSqlFiles, type SqlFile } from './sql-files.ts'

/** What is installed. */
export interface PlatformOptions {
  /** Whether the part of our own issuer is. Where it is installed already it is always kept up. */
  readonly withIssuer: boolean
  /** Folder with the rooms and their SQL; default: those of this package. */
  readonly sqlRoot?: string | undefined
}

/**
 * Brings the installed SQL to the state of the files, in one transaction.
 *
 * A file that is skipped because of an extension, or of a schema that is somebody else's, is not recorded: it is applied
 * once the extension is gone or the schema is open.
 *
 * @param client connected as the owner, holding the lock of `provision.ts`; the roles are there
 * @returns names of the files applied now
 * @throws Failure `database_newer` when a later version has prepared this database
 * @throws Failure `migration_changed` when a numbered file that was applied has changed
 * @throws Failure `migration_failed` when PostgreSQL refuses a file, or somebody holds our tables for a minute
 */
export async function applyPlatform(client: pg.ClientBase, options: PlatformOptions): Promise<string[]> {
  const { withIssuer, sqlRoot } = options
  await client.query('begin')
  try {
    await makeRecord(client)
    await adoptNumbering(client, sqlRoot)
    const files = readSqlFiles(withIssuer ? [...platformRooms, issuerRoom] : platformRooms, sqlRoot)
    const applied = await readApplied(client)
    refuseChanges(files, applied)
    const due = await findDue(client, files, applied)
    if (due.length > 0) await lockTables(client)
    for (const file of due) await applyFile(client, file)
    await client.query('commit')
    return due.map(({ name }) => name)
  } catch (error) {
    await client.query('rollback')
    throw error
  }
}

/** The SQL that a database has, next to ours. */
export interface InstalledSql {
  /** Of the database; undefined where nothing is installed, or a version without revisions has done it. */
  readonly revision: number | undefined
  /** Of this package. */
  readonly ours: number
  /** Names of the files that `rowpass db migrate` would apply now, in their order. */
  readonly pending: readonly string[]
  /** Whether the part of our own issuer is installed. */
  readonly withIssuer: boolean
}

/**
 * Compares the installed SQL with the files of this package, by what is recorded. Changes nothing. Does NOT see what somebody
 * has changed by hand.
 *
 * @param client may read `rowpass.migrations`: the owner, or a superuser
 */
export async function compareInstalled(client: pg.ClientBase, sqlRoot?: string): Promise<InstalledSql> {
  const withIssuer = await hasIssuer(client)
  const files = readSqlFiles(withIssuer ? [...platformRooms, issuerRoom] : platformRooms, sqlRoot)
  const applied = (await hasRecord(client)) ? await readApplied(client) : new Map<string, string>()
  const pending = (await findDue(client, files, applied)).map(({ name }) => name)
  return { revision: await installedRevision(client), ours: readRevision(sqlRoot), pending, withIssuer }
}

/** Whether the part of our own issuer is installed. */
export async function hasIssuer(client: pg.ClientBase): Promise<boolean> {
  if (!(await hasRecord(client))) return false
  const applied = [...(await readApplied(client)).keys()]
  return wasNumbered(applied) || applied.some((name) => name.startsWith(`${issuerRoom.name}/`))
}

/**
 * Refuses a database that a later version has prepared, whatever it changed there.
 *
 * @throws Failure `database_newer`
 */
export async function refuseNewer(client: pg.ClientBase, sqlRoot?: string): Promise<void> {
  const theirs = (await installedRevision(client)) ?? 0
  const ours = readRevision(sqlRoot)
  if (theirs > ours) throw newer(`its SQL has revision ${theirs}, ours is ${ours}`)
}

async function installedRevision(client: pg.ClientBase): Promise<number | undefined> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regprocedure('rowpass.revision()') is not null as found`,
  )
  if (rows[0]?.found !== true) return undefined
  const installed = await client.query<{ revision: number }>('select rowpass.revision() as revision')
  return installed.rows[0]?.revision
}

/** Files that are new or have changed, but for those that an extension or somebody else's schema takes the place of. */
async function findDue(
  client: pg.ClientBase,
  files: readonly SqlFile[],
  applied: ReadonlyMap<string, string>,
): Promise<SqlFile[]> {
  const due: SqlFile[] = []
  for (const file of files) {
    if (applied.get(file.name) === file.sha256) continue
    if (!(await isReplaced(client, file)) && !(await isClosed(client, file))) due.push(file)
  }
  return due
}

async function hasRecord(client: pg.ClientBase): Promise<boolean> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regclass('rowpass.migrations') is not null as found`,
  )
  return rows[0]?.found === true
}

async function makeRecord(client: pg.ClientBase): Promise<void> {
  if (await hasRecord(client)) return
  await client.query(`
    create schema if not exists rowpass;
    revoke all on schema rowpass from public;
    create table rowpass.migrations (
      name text primary key,
      sha256 text not null,
      applied_at timestamptz not null default now()
    )`)
}

async function readApplied(client: pg.ClientBase): Promise<Map<string, string>> {
  const { rows } = await client.query<{ name: string; sha256: string }>('select name, sha256 from rowpass.migrations')
  return new Map(rows.map((row) => [row.name, row.sha256]))
}

function refuseChanges(files: readonly SqlFile[], applied: ReadonlyMap<string, string>): void {
  const known = new Map(files.map((file) => [file.name, file]))
  for (const [name, sha256] of applied) {
    const file = known.get(name)
    if (file === undefined && /^\w+\/\d/.test(name)) throw newer(`it has ${name}`)
    if (file?.numbered === true && file.sha256 !== sha256) throw new Failure('migration_changed', { detail: name })
  }
}

async function isReplaced(client: pg.ClientBase, file: SqlFile): Promise<boolean> {
  if (file.unlessExtension === undefined) return false
  const { rowCount } = await client.query('select from pg_extension where extname = $1', [file.unlessExtension])
  return rowCount === 1
}

async function isClosed(client: pg.ClientBase, file: SqlFile): Promise<boolean> {
  if (file.needsCreateIn === undefined) return false
  const { rowCount } = await client.query(
    `select from pg_namespace where nspname = $1 and not has_schema_privilege(oid, 'CREATE')`,
    [file.needsCreateIn],
  )
  return rowCount === 1
}

/** Shorter than `deadlock_timeout`, which is a second: PostgreSQL ends the one that has waited for so long, perhaps a request. */
const lockMs = 500
const giveWayMs = 200
const lockPatienceMs = 60_000

/**
 * Locks what is ours before the files do it one after the other, in an order of theirs: gateways serve meanwhile, and a request
 * that has one table and waits for another would be in a deadlock with them. Where not all of it can be had soon, what there is
 * of it is given back, and requests go on before the next time.
 */
async function lockTables(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ names: string | null }>(
    `select string_agg(oid::regclass::text, ', ' order by relkind desc, oid) as names from pg_class
      where relnamespace in (to_regnamespace('rowpass'), to_regnamespace('issuer')) and relkind in ('r', 'v')
        and pg_has_role(relowner, 'usage')`,
  )
  const names = rows[0]?.names
  if (!names) return
  for (const deadline = performance.now() + lockPatienceMs; ; await delay(giveWayMs)) {
    await client.query(`savepoint locks; set local statement_timeout = ${lockMs}`)
    try {
      await client.query(`lock table ${names} in access exclusive mode`)
      await client.query('set local statement_timeout to default')
      return
    } catch (error) {
      if (sqlstateOf(error) !== '57014') throw error
      await client.query('rollback to savepoint locks')
      if (performance.now() > deadline) {
        const detail =
          'other sessions hold the tables of Rowpass: end what runs for long (pg_stat_activity), and run it again'
        throw new Failure('migration_failed', { detail, cause: error })
      }
    }
  }
}

async function applyFile(client: pg.ClientBase, { name, sql, sha256 }: SqlFile): Promise<void> {
  try {
    await client.query(sql)
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    throw new Failure('migration_failed', { detail: `${name}: ${reason}`, cause: error })
  }
  await client.query(
    `insert into rowpass.migrations (name, sha256) values ($1, $2)
       on conflict (name) do update set sha256 = excluded.sha256, applied_at = excluded.applied_at`,
    [name, sha256],
  )
}
