/**
 * Installs the SQL of Rowpass: what is new or has changed, all of it or nothing.
 */
import type pg from 'pg'
import { Failure } from '../errors.ts'
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
 * @throws Failure `migration_failed` when PostgreSQL refuses a file
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
    const names: string[] = []
    for (const file of files) {
      if (applied.get(file.name) === file.sha256) continue
      if ((await isReplaced(client, file)) || (await isClosed(client, file))) continue
      await applyFile(client, file)
      names.push(file.name)
    }
    await client.query('commit')
    return names
  } catch (error) {
    await client.query('rollback')
    throw error
  }
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
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regprocedure('rowpass.revision()') is not null as found`,
  )
  if (rows[0]?.found !== true) return
  const installed = await client.query<{ revision: number }>('select rowpass.revision() as revision')
  const theirs = installed.rows[0]?.revision ?? 0
  const ours = readRevision(sqlRoot)
  if (theirs > ours) throw newer(`its SQL has revision ${theirs}, ours is ${ours}`)
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
