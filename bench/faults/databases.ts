/**
 * Databases of the corpus, for programs that connect by themselves: one variant in a database of its own.
 */
import type pg from 'pg'
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'
import { buildSchema, type Fault, type Variant } from './corpus.ts'

const databaseName = 'rowpass_faults'
const lockNumber = 4712

/**
 * Builds a variant, hands its URL to `work`, and removes the database and every role that the schema made.
 *
 * Takes the database `rowpass_faults` and the roles `saas_…` of the server for itself, whatever they held.
 */
export async function withSchema<T>(
  superuserUrl: string,
  fault: Fault,
  variant: Variant,
  work: (url: string) => Promise<T>,
): Promise<T> {
  const url = new URL(superuserUrl)
  url.pathname = `/${databaseName}`
  return withConnection(superuserUrl, async (client) => {
    // Two programs that share a server wait for each other; the lock ends with the connection.
    await client.query('select pg_advisory_lock($1)', [lockNumber])
    await removeAll(client)
    await client.query(`create database ${databaseName} strategy file_copy`)
    try {
      await withConnection(url.href, (connection) => buildSchema(connection, fault, variant))
      return await work(url.href)
    } finally {
      await removeAll(client)
    }
  })
}

/** The roles of the corpus begin with `saas_`. */
async function removeAll(client: pg.Client): Promise<void> {
  await client.query(`drop database if exists ${databaseName} with (force)`)
  const { rows } = await client.query<{ name: string }>(
    "select quote_ident(rolname) as name from pg_roles where starts_with(rolname, 'saas_')",
  )
  if (rows.length > 0) await client.query(`drop role ${rows.map(({ name }) => name).join(', ')}`)
}
