/**
 * Makes the embedded server look like a managed one: a database and an owner that is no superuser.
 */

import pg from 'pg'
import { scramVerifier, withConnection } from 'rowpass/operate'
import { type EmbeddedOptions, startEmbeddedPostgres } from './embedded.ts'

/** A database of the embedded server, open. */
export interface LocalDatabase {
  /** For a person: which one it is, without a password. */
  readonly says: string
  /** URL of the owner, with its password. */
  readonly ownerUrl: string
  /** URL of the superuser, connected to the same database. */
  readonly superuserUrl: string
  /** Settles when the server has ended. */
  readonly ended: Promise<void>
  /** Ends the server. */
  stop(): Promise<void>
}

/**
 * Starts the embedded server of a folder and opens its database as its owner.
 *
 * @param options.ownerPassword ASCII
 * @throws Failure see {@link startEmbeddedPostgres}
 * @example
 * const database = await openLocalDatabase({ directory: '.', ownerPassword: 'for this machine alone' })
 * console.log(database.ownerUrl)
 * await database.stop()
 */
export async function openLocalDatabase(
  options: EmbeddedOptions & { readonly ownerPassword: string },
): Promise<LocalDatabase> {
  const server = await startEmbeddedPostgres(options)
  try {
    const ownerUrl = await createLocalDatabase(server.superuserUrl, options.ownerPassword)
    const { host, pathname } = new URL(ownerUrl)
    return {
      says: `PostgreSQL ${server.version}, ${host}${pathname}, data in ${server.dataDirectory}`,
      ownerUrl,
      superuserUrl: new URL(pathname, server.superuserUrl).href,
      ended: server.ended,
      stop: server.stop,
    }
  } catch (error) {
    await server.stop()
    throw error
  }
}

/** Name of the embedded database, and the start of the names of its roles. */
const databaseName = 'rowpass'
/** Owner of the database: may create roles, as the owners of managed databases may, and bypasses nothing. */
const ownerName = 'rowpass_owner'

/**
 * Creates the database `rowpass` and its owner, as far as they are missing.
 *
 * @param superuserUrl of the embedded server
 * @param ownerPassword ASCII
 * @returns URL of the owner, with its password
 */
export async function createLocalDatabase(superuserUrl: string, ownerPassword: string): Promise<string> {
  const ownerUrl = new URL(superuserUrl)
  ownerUrl.username = ownerName
  ownerUrl.password = ownerPassword
  ownerUrl.pathname = `/${databaseName}`
  await withConnection(superuserUrl, async (client) => {
    const { rows } = await client.query<{ verifier: string | null }>(
      'select rolpassword as verifier from pg_authid where rolname = $1',
      [ownerName],
    )
    const stored = rows[0]
    if (stored === undefined || stored.verifier === null || !matches(stored.verifier, ownerPassword)) {
      const verb = stored === undefined ? 'create' : 'alter'
      await client.query(`${verb} role ${ownerName} login createrole password '${scramVerifier(ownerPassword)}'`)
    }
    const { rowCount } = await client.query('select from pg_database where datname = $1', [databaseName])
    if (rowCount === 0) await createDatabase(client, databaseName)
  })
  return ownerUrl.href
}

async function createDatabase(client: pg.ClientBase, name: string): Promise<void> {
  try {
    await client.query(`create database ${pg.escapeIdentifier(name)} owner ${ownerName}`)
  } catch (error) {
    // Made by another process in the same instant.
    if (!(error instanceof pg.DatabaseError && ['42P04', '23505'].includes(error.code ?? ''))) throw error
  }
}

function matches(verifier: string, password: string): boolean {
  const salt = /^SCRAM-SHA-256\$\d+:([^$]+)\$/.exec(verifier)?.[1]
  return salt !== undefined && scramVerifier(password, Buffer.from(salt, 'base64')) === verifier
}
