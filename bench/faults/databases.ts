/**
 * Databases of the corpus, for programs that connect by themselves: one variant in a database of its own.
 */
import type pg from 'pg'
import { withConnection } from '../../src/database/connect.ts'
import { buildSchema, type Fault, type Variant } from './corpus.ts'

const databaseName = 'faults'

/**
 * Builds a variant, hands its URL to `work`, and removes the database and every role that the schema made.
 *
 * Takes the name `faults` and the roles of the corpus for itself: for a throw-away server, one call at a time.
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
    const before = await roleNames(client)
    await client.query(`create database ${databaseName}`)
    try {
      await withConnection(url.href, (connection) => buildSchema(connection, fault, variant))
      return await work(url.href)
    } finally {
      await client.query(`drop database ${databaseName} with (force)`)
      for (const role of await roleNames(client)) if (!before.has(role)) await client.query(`drop role ${role}`)
    }
  })
}

async function roleNames(client: pg.Client): Promise<Set<string>> {
  const { rows } = await client.query<{ name: string }>('select quote_ident(rolname) as name from pg_roles')
  return new Set(rows.map(({ name }) => name))
}
