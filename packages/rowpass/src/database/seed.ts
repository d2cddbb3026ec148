/**
 * Runs a seed file as the owner.
 */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type pg from 'pg'
import { Failure } from '../errors.ts'
import { withConnection } from './connect.ts'
import { errnoOf } from './private-files.ts'

/** When a seed file runs. */
export interface SeedOptions {
  /** Leaves the database alone when this very file has run there before. Default `false`. */
  readonly onlyIfNew?: boolean
}

/**
 * Runs all statements of a file as one transaction: all of it takes effect, or nothing.
 *
 * Whether a second run is harmless is up to the file (`on conflict do nothing`).
 *
 * @returns whether it ran
 * @throws Failure `config_invalid` when the file cannot be read
 * @throws Failure `seed_failed` when PostgreSQL refuses a statement
 * @throws Failure `database_unavailable` when the owner cannot connect
 */
export async function runSeed(ownerUrl: string, file: string, options: SeedOptions = {}): Promise<boolean> {
  const sql = readSeed(file)
  const sha256 = createHash('sha256').update(sql).digest('hex')
  return withConnection(ownerUrl, async (client) => {
    try {
      if (options.onlyIfNew === true && (await hasRun(client, sha256))) return false
      // Several statements in one message are one implicit transaction.
      await client.query(sql)
      await remember(client, sha256)
      return true
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Failure('seed_failed', { detail: `${file}: ${reason}`, cause: error })
    }
  })
}

async function hasRun(client: pg.ClientBase, sha256: string): Promise<boolean> {
  if (!(await hasMemory(client))) return false
  const { rowCount } = await client.query('select from rowpass.seeds where sha256 = $1', [sha256])
  return rowCount !== 0
}

async function remember(client: pg.ClientBase, sha256: string): Promise<void> {
  if (!(await hasMemory(client))) return
  await client.query('insert into rowpass.seeds (sha256) values ($1) on conflict do nothing', [sha256])
}

/** A database that was not migrated can be seeded as well. */
async function hasMemory(client: pg.ClientBase): Promise<boolean> {
  const { rowCount } = await client.query("select where to_regclass('rowpass.seeds') is not null")
  return rowCount !== 0
}

function readSeed(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (error) {
    throw new Failure('config_invalid', { detail: `${file} cannot be read (${errnoOf(error)})`, cause: error })
  }
}
