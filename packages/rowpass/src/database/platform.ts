/**
 * Applies the platform SQL (`src/seal/migrations/NNNN_*.sql`): in order, forward only, each file in a transaction.
 */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type pg from 'pg'
import { Failure } from '../errors.ts'

/** Where the platform SQL lies. */
export const platformFolder = fileURLToPath(new URL('../seal/migrations/', import.meta.url))

interface PlatformFile {
  readonly name: string
  readonly sql: string
  readonly sha256: string
  /** Not applied while this extension is installed: the first line `-- unless-extension: <name>`. */
  readonly unlessExtension: string | undefined
  /** Not applied while the owner may not create in this schema: the first line `-- needs-create-in: <name>`. */
  readonly needsCreateIn: string | undefined
}

/**
 * Applies the files that this database does not have yet.
 *
 * A file that is skipped because of an extension, or of a schema that is somebody else's, is not recorded: it is applied
 * once the extension is gone or the schema is open.
 *
 * @param client connected as the owner, holding the lock of `provision.ts`
 * @returns names of the files applied now
 * @throws Failure `migration_changed` when an applied file has changed, or is gone
 * @throws Failure `migration_failed` when PostgreSQL refuses a file, which then has no effect
 */
export async function applyPlatform(client: pg.ClientBase, folder: string = platformFolder): Promise<string[]> {
  const files = readPlatform(folder)
  const applied = await readApplied(client)
  refuseChanges(files, applied)
  const names: string[] = []
  for (const file of files) {
    if (applied.has(file.name) || (await isReplaced(client, file)) || (await isClosed(client, file))) continue
    await applyFile(client, file)
    names.push(file.name)
  }
  return names
}

function readPlatform(folder: string): PlatformFile[] {
  const names = readdirSync(folder).filter((name) => /^\d{4}_\w+\.sql$/.test(name))
  return names.sort().map((name) => {
    const sql = readFileSync(join(folder, name), 'utf8')
    // A checkout on Windows may turn line ends into CRLF; that is not a change.
    const sha256 = createHash('sha256').update(sql.replaceAll('\r\n', '\n')).digest('hex')
    const unlessExtension = /^-- unless-extension: (\w+)/.exec(sql)?.[1]
    const needsCreateIn = /^-- needs-create-in: (\w+)/.exec(sql)?.[1]
    return { name, sql, sha256, unlessExtension, needsCreateIn }
  })
}

async function readApplied(client: pg.ClientBase): Promise<Map<string, string>> {
  const { rows: tables } = await client.query<{ found: boolean }>(
    `select to_regclass('rowpass.migrations') is not null as found`,
  )
  if (tables[0]?.found !== true) {
    await client.query(`
      create schema if not exists rowpass;
      create table if not exists rowpass.migrations (
        name text primary key,
        sha256 text not null,
        applied_at timestamptz not null default now()
      )`)
  }
  const { rows } = await client.query<{ name: string; sha256: string }>('select name, sha256 from rowpass.migrations')
  return new Map(rows.map((row) => [row.name, row.sha256]))
}

function refuseChanges(files: readonly PlatformFile[], applied: ReadonlyMap<string, string>): void {
  for (const [name, sha256] of applied) {
    const file = files.find((each) => each.name === name)
    if (file === undefined) {
      throw new Failure('migration_changed', { detail: `${name} is gone; this database is newer than this Rowpass` })
    }
    if (file.sha256 !== sha256) throw new Failure('migration_changed', { detail: name })
  }
}

async function isReplaced(client: pg.ClientBase, file: PlatformFile): Promise<boolean> {
  if (file.unlessExtension === undefined) return false
  const { rowCount } = await client.query('select from pg_extension where extname = $1', [file.unlessExtension])
  return rowCount === 1
}

async function isClosed(client: pg.ClientBase, file: PlatformFile): Promise<boolean> {
  if (file.needsCreateIn === undefined) return false
  const { rowCount } = await client.query(
    `select from pg_namespace where nspname = $1 and not has_schema_privilege(oid, 'CREATE')`,
    [file.needsCreateIn],
  )
  return rowCount === 1
}

async function applyFile(client: pg.ClientBase, file: PlatformFile): Promise<void> {
  try {
    await client.query('begin')
    await client.query(file.sql)
    await client.query('insert into rowpass.migrations (name, sha256) values ($1, $2)', [file.name, file.sha256])
    await client.query('commit')
  } catch (error) {
    await client.query('rollback')
    const reason = error instanceof Error ? error.message : String(error)
    throw new Failure('migration_failed', { detail: `${file.name}: ${reason}`, cause: error })
  }
}
