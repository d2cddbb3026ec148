/**
 * Runs a seed file as the owner.
 */
import { readFileSync } from 'node:fs'
import { Failure } from '../errors.ts'
import { withConnection } from './connect.ts'
import { errnoOf } from './private-files.ts'

/**
 * Runs all statements of a file as one transaction: all of it takes effect, or nothing.
 *
 * Whether a second run is harmless is up to the file (`on conflict do nothing`).
 *
 * @throws Failure `config_invalid` when the file cannot be read
 * @throws Failure `seed_failed` when PostgreSQL refuses a statement
 * @throws Failure `database_unavailable` when the owner cannot connect
 */
export async function runSeed(ownerUrl: string, file: string): Promise<void> {
  let sql: string
  try {
    sql = readFileSync(file, 'utf8')
  } catch (error) {
    throw new Failure('config_invalid', { detail: `${file} cannot be read (${errnoOf(error)})`, cause: error })
  }
  await withConnection(ownerUrl, async (client) => {
    try {
      // Several statements in one message are one implicit transaction.
      await client.query(sql)
    } catch (error) {
      const reason = error instanceof Error ? error.message : String(error)
      throw new Failure('seed_failed', { detail: `${file}: ${reason}`, cause: error })
    }
  })
}
