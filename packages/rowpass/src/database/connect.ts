/**
 * Connects to PostgreSQL by URL, and says in one line why it cannot.
 */
import pg from 'pg'
import { Failure } from '../errors.ts'
import { explainConnect, type ServerClient } from '../postgres/server-url.ts'
import { connectServer, placesOf, withListedHosts } from '../postgres/servers.ts'

const connectTimeoutMs = 10_000

/** Hosts, ports and database of a URL, without user and password: safe to show. */
export function serverOf(url: string): string {
  const parsed = parsePostgresUrl(url)
  return `${placesOf(parsed)}${parsed.pathname}`
}

/**
 * Parses a PostgreSQL URL. A list of hosts is in its parameters `host` and `port` afterwards, whichever way it was given.
 *
 * @param name what to call it in the failure, such as `OWNER_DATABASE_URL`
 * @throws Failure `config_invalid`; its detail never holds the text, which may carry a password
 */
export function parsePostgresUrl(text: string, name = 'the database URL'): URL {
  const listed = withListedHosts(text)
  const url = URL.canParse(listed) ? new URL(listed) : undefined
  if (url === undefined || !/^postgres(ql)?:$/.test(url.protocol) || url.hostname === '') {
    throw new Failure('config_invalid', {
      detail: `${name} is not of the form postgresql://user:password@host:5432/name`,
    })
  }
  return url
}

/**
 * Runs `work` with a connection of its own and closes it afterwards.
 *
 * @throws Failure `database_unavailable` when the server cannot be reached or refuses the login
 */
export async function withConnection<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const settings = { application_name: 'rowpass', connectionTimeoutMillis: connectTimeoutMs }
  let client: ServerClient
  try {
    client = await connectServer(parsePostgresUrl(url), settings)
  } catch (error) {
    if (error instanceof Failure) throw error
    throw new Failure('database_unavailable', { detail: `${serverOf(url)}: ${explainConnect(error)}`, cause: error })
  }
  try {
    return await work(client)
  } finally {
    await client.end()
  }
}

/** Connections of a login, one for each piece of work, for what knows no driver. */
export function connectTo(url: string) {
  return <T>(work: (db: PlainConnection) => Promise<T>): Promise<T> =>
    withConnection(url, (client) =>
      work({ query: async (text, parameters) => (await client.query<Record<string, unknown>>(text, parameters)).rows }),
    )
}

/** A connection that runs one statement after the other. */
export interface PlainConnection {
  query(text: string, parameters: unknown[]): Promise<Record<string, unknown>[]>
}

/** The SQLSTATE of an error that PostgreSQL sent, else undefined. */
export function sqlstateOf(error: unknown): string | undefined {
  return error instanceof pg.DatabaseError ? error.code : undefined
}
