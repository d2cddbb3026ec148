/**
 * Copies of a database, each for one run of tests; the original is never written to.
 */
import { randomBytes } from 'node:crypto'
import pg from 'pg'
import { parsePostgresUrl, sqlstateOf, withConnection } from '../database/connect.ts'
import { Failure } from '../errors.ts'

/** Makes copies of a database as it was at the start. */
export interface CopyShop {
  /** Makes a copy, changes it, lets it be used and drops it. The URL is that of the original but for its database. */
  withCopy<T>(changes: readonly string[], use: (url: string) => Promise<T>): Promise<T>
  /** Drops what is left. */
  close(): Promise<void>
}

const namePrefix = 'rowpass_copy_'

/**
 * Copies a database once, on the server; further copies are made of the copy, so that the original is needed no more.
 *
 * Copied are the contents with their owners and grants; settings and rights of the database itself are not.
 *
 * @param url of the owner or a superuser, who may create databases
 * @throws Failure `database_unavailable` when it cannot be reached
 * @throws Failure `owner_powerless` when the login may not create databases
 * @throws Failure `database_in_use` when somebody else is connected, which PostgreSQL does not copy
 */
export async function openCopyShop(url: string): Promise<CopyShop> {
  const original = databaseOf(url)
  const id = `${namePrefix}${randomBytes(5).toString('hex')}`
  const template = `${id}_0`
  let count = 0
  const administer = (work: (client: pg.Client) => Promise<void>) => withConnection(withDatabase(url, 'postgres'), work)
  await administer((client) => copy(client, original, template))

  return {
    async withCopy(changes, use) {
      const name = `${id}_${++count}`
      const copyUrl = withDatabase(url, name)
      await administer((client) => copy(client, template, name))
      try {
        await withConnection(copyUrl, async (client) => {
          for (const statement of changes) await client.query(statement)
        })
        return await use(copyUrl)
      } finally {
        await administer((client) => drop(client, name))
      }
    },
    close: () => administer((client) => drop(client, template)),
  }
}

async function copy(client: pg.ClientBase, from: string, to: string): Promise<void> {
  try {
    await client.query(`create database ${to} template ${pg.escapeIdentifier(from)} strategy file_copy`)
  } catch (error) {
    const code = sqlstateOf(error)
    if (code === '42501')
      throw new Failure('owner_powerless', {
        detail: 'create a database; a superuser may, or one with CREATEDB',
        cause: error,
      })
    if (code === '55006') throw new Failure('database_in_use', { detail: from, cause: error })
    throw error
  }
}

async function drop(client: pg.ClientBase, name: string): Promise<void> {
  await client.query(`drop database if exists ${name} with (force)`)
}

function databaseOf(url: string): string {
  return decodeURIComponent(parsePostgresUrl(url).pathname.slice(1))
}

function withDatabase(url: string, name: string): string {
  const other = parsePostgresUrl(url)
  other.pathname = `/${name}`
  return other.href
}
