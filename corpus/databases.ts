/**
 * Databases of the corpus, for programs that connect by themselves: one schema in a database of its own.
 */
import type pg from 'pg'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'

const databaseName = 'corpus'

/**
 * Builds a schema, hands the superuser's URL of it to `work`, and removes the database and every role that was made meanwhile.
 * The server must be nobody else's.
 */
export async function withSchema<T>(superuserUrl: string, sql: string, work: (url: string) => Promise<T>): Promise<T> {
  const url = new URL(superuserUrl)
  url.pathname = `/${databaseName}`
  return withConnection(superuserUrl, async (client) => {
    const before = await rolesOf(client)
    await client.query(`create database ${databaseName} strategy file_copy`)
    try {
      await withConnection(url.href, (connection) => connection.query(sql))
      return await work(url.href)
    } finally {
      await client.query(`drop database ${databaseName} with (force)`)
      const made = (await rolesOf(client)).filter((role) => !before.includes(role))
      if (made.length > 0) await client.query(`drop role ${made.join(', ')}`)
    }
  })
}

async function rolesOf(client: pg.Client): Promise<string[]> {
  const { rows } = await client.query<{ name: string }>('select quote_ident(rolname) as name from pg_roles')
  return rows.map(({ name }) => name)
}
