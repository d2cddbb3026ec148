/**
 * The database of a benchmark: a throw-away embedded PostgreSQL with one table, in the temporary folder.
 */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { createLocalDatabase } from '../packages/local/src/postgres/local-database.ts'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { provision } from '../packages/rowpass/src/database/provision.ts'
import { countChangesSql } from '../packages/rowpass/src/database/schema-changes.ts'
import { formatSealKeys, generateSealKey } from '../packages/rowpass/src/seal/keys.ts'
import type { SealKey } from '../packages/rowpass/src/seal/seal.ts'
import { makeScratch } from './scratch.ts'

/** A running server with the roles of Rowpass and the table `notes`. */
export interface BenchDatabase {
  readonly superuserUrl: string
  readonly ownerUrl: string
  readonly gatewayUrl: string
  /** Login that may become `web_user` and nothing else. */
  readonly webUrl: string
  readonly sealKeys: string
  readonly version: string
  /** Process whose children are the backends. */
  postmasterPid(): number
  /** Ends the server as `pg_ctl stop -m fast` does, and starts it again on the same port. */
  restart(): Promise<void>
  close(): Promise<void>
}

const password = 'of-a-throw-away-database'

/**
 * Row-level security by both ways at once, each for its role: `authenticated` is decided by sealed claims, `web_user` by
 * a setting that anybody can write, as PostgREST and PostGraphile do it. The owner of the table is not subject to it.
 */
const tableSql = (owners: number, notesOfOne: number) => `
  create table public.notes (id int primary key, owner_id text not null, body text not null);
  insert into public.notes
    select (o - 1) * ${notesOfOne} + n, 'user-' || o, repeat(md5(o || '/' || n), 3)
      from generate_series(1, ${owners}) o, generate_series(1, ${notesOfOne}) n;
  alter table public.notes enable row level security;
  create policy notes_own on public.notes for all to authenticated using (owner_id = (select auth.user_id()));
  create policy notes_web on public.notes for all to web_user
    using (owner_id = (select current_setting('jwt.claims.sub', true)));
  grant usage on schema public to authenticated, web_user;
  grant select, insert, update, delete on public.notes to authenticated;
  grant select on public.notes to web_user;`

/** How to log in to the database of a benchmark. */
export type BenchUrls = Pick<BenchDatabase, 'superuserUrl' | 'ownerUrl' | 'gatewayUrl' | 'webUrl'>

/** Makes the database, which holds nothing, and its owner on a server that has none. */
export async function makeBenchDatabase(serverUrl: string): Promise<BenchUrls> {
  const ownerUrl = await createLocalDatabase(serverUrl, password)
  const databaseUrl = (user: string, secret = password) => {
    const url = new URL(ownerUrl)
    url.username = user
    url.password = secret
    return url.href
  }
  return {
    ownerUrl,
    superuserUrl: databaseUrl('postgres', new URL(serverUrl).password),
    gatewayUrl: databaseUrl('rowpass_gateway'),
    webUrl: databaseUrl('web_login'),
  }
}

/** Makes the table where the database is migrated. */
export async function makeNotes(
  { superuserUrl, ownerUrl }: BenchUrls,
  owners: number,
  notesOfOne: number,
): Promise<void> {
  await withConnection(superuserUrl, async (client) => {
    await client.query(`create role web_user nologin; create role web_login login noinherit password '${password}'`)
    await client.query('grant web_user to web_login')
  })
  await withConnection(ownerUrl, (client) => client.query(tableSql(owners, notesOfOne)))
  await withConnection(superuserUrl, (client) => client.query('vacuum (analyze, freeze) public.notes'))
}

/**
 * Makes the database on a server that has none, and says how to log in.
 * @param counted whether it counts the changes of its schema, as after `rowpass db harden` by a superuser
 */
export async function fillBenchDatabase(
  serverUrl: string,
  sealKeys: readonly SealKey[],
  owners: number,
  notesOfOne: number,
  counted = true,
): Promise<BenchUrls> {
  const urls = await makeBenchDatabase(serverUrl)
  await provision({ ownerUrl: urls.ownerUrl, gatewayUrl: urls.gatewayUrl, sealKeys })
  if (counted) await withConnection(urls.superuserUrl, (client) => client.query(countChangesSql))
  await makeNotes(urls, owners, notesOfOne)
  return urls
}

/** Starts one. `durable` as in production; the writes of a benchmark are few. `counted` as in {@link fillBenchDatabase}. */
export async function startBenchDatabase(owners: number, notesOfOne: number, counted = true): Promise<BenchDatabase> {
  const directory = makeScratch()
  const keys = [generateSealKey('bench')]
  let server = await startEmbeddedPostgres({ directory })
  const urls = await fillBenchDatabase(server.superuserUrl, keys, owners, notesOfOne, counted)

  return {
    ...urls,
    sealKeys: formatSealKeys(keys),
    version: server.version,
    postmasterPid: () => Number(readFileSync(join(server.dataDirectory, 'postmaster.pid'), 'utf8').split('\n', 1)[0]),
    async restart() {
      const { port } = server
      await server.stop()
      server = await startEmbeddedPostgres({ directory, port })
    },
    async close() {
      await server.stop()
      rmSync(directory, { recursive: true, force: true })
    },
  }
}
