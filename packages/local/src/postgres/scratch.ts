/**
 * A server for databases that are thrown away, in a temporary folder that goes with it.
 */
import { randomBytes } from 'node:crypto'
import { scramVerifier, withConnection } from 'rowpass/operate'
import { makeTemporaryFolder, removeTemporaryFolder } from '../temporary-folder.ts'
import { startEmbeddedPostgres } from './embedded.ts'

/** Sees every row, and may run no program of the machine and read no file of it, as a superuser may. */
const ownerName = 'rowpass_owner'

/** A running server. */
export interface ScratchPostgres {
  /** URL of a login that may create databases and roles, and bypasses policies. */
  readonly url: string
  /** Ends the server and removes what it left. */
  stop(): Promise<void>
}

/**
 * Starts a server that keeps nothing.
 *
 * @throws Failure see `startEmbeddedPostgres`
 * @example
 * const scratch = await openScratchPostgres()
 * console.log(scratch.url)
 * await scratch.stop()
 */
export async function openScratchPostgres(): Promise<ScratchPostgres> {
  const directory = makeTemporaryFolder()
  try {
    const server = await startEmbeddedPostgres({ directory, durable: false, memoryMb: 0 })
    const password = randomBytes(18).toString('base64url')
    await withConnection(server.superuserUrl, async (client) => {
      await client.query(
        `create role ${ownerName} login createdb createrole bypassrls replication password '${scramVerifier(password)}'`,
      )
      // What it makes roles for, it may do as them: give tables to them, and change those again.
      await client.query(`alter role ${ownerName} set createrole_self_grant = 'set, inherit'`)
      await client.query(`grant pg_read_all_data to ${ownerName}`)
    })
    const url = new URL(server.superuserUrl)
    url.username = ownerName
    url.password = password
    const stop = async (): Promise<void> => {
      await server.stop()
      removeTemporaryFolder(directory)
    }
    return { url: url.href, stop }
  } catch (error) {
    removeTemporaryFolder(directory)
    throw error
  }
}
