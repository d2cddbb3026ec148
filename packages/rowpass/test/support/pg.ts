/**
 * Fresh databases for tests, cloned from templates that are made once in a run.
 */
import { randomBytes } from 'node:crypto'
import { fileURLToPath } from 'node:url'
import pg from 'pg'
import { describe, inject } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { provision } from '../../src/database/provision.ts'
import { issuerRole } from '../../src/database/roles.ts'
import { runSeed } from '../../src/database/seed.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'
import type { SealKey } from '../../src/seal/seal.ts'

/** The root of the repository, ending in a slash. */
export const repository = fileURLToPath(new URL('../../../../', import.meta.url))
/** The folder of the demo, ending in a slash. */
export const demo = fileURLToPath(new URL('../../../../demo/', import.meta.url))
/** The folder of the package `rowpass`, ending in a slash. */
export const product = fileURLToPath(new URL('../../', import.meta.url))

/** Seal keys of every test database, as configuration text; `test` seals, `spare` is accepted too. */
export const sealKeysText =
  'test:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8,spare:Hx4dHBsaGRgXFhUUExIREA8ODQwLCgkIBwYFBAMCAQA'

/**
 * What a test database holds: nothing; roles, platform SQL and seal keys; or the application's tables and seed as well.
 */
export type Contents = 'bare' | 'platform' | 'application'

/** A database of one test (file) alone. Roles are shared by all databases of the server. */
export interface TestDatabase {
  readonly name: string
  /** Login `rowpass_owner`: owns the database, CREATEROLE, no superuser. */
  readonly ownerUrl: string
  /** Login `rowpass_gateway`; in a `bare` database it may not exist yet. */
  readonly gatewayUrl: string
  /** Login `rowpass_issuer`; in a `bare` database it may not exist yet. */
  readonly issuerUrl: string
  /** Superuser, connected to this database. */
  readonly superuserUrl: string
  /** The first one seals. */
  readonly sealKeys: readonly [SealKey, ...SealKey[]]
  /** Drops the database, with whatever is still connected. */
  close(): Promise<void>
}

/** The same passwords in every run, so that runs that share a server do not lock each other out. */
const ownerName = 'rowpass_owner'
const ownerPassword = 'owner-of-a-throw-away-database'
const gatewayName = 'rowpass_gateway'
const gatewayPassword = 'gateway-of-a-throw-away-database'
const issuerPassword = 'issuer-of-a-throw-away-database'
const lockNumber = 4711

/** Of pg_auth_members: other files give the server's roles some of theirs at the same time, with names that begin so. */
export const isNoTestRole = `not starts_with(roleid::regrole::text, 'rowpass_test_')`

/** A suite whose title says which PostgreSQL it ran on. CI runs everything on 18 (embedded) and on Debian's 15. */
export function describePg(title: string, suite: () => void): void {
  describe(`${title} [PostgreSQL ${postgresMajor()}]`, suite)
}

/** Major version of the server of this run. */
export function postgresMajor(): number {
  return Math.floor(inject('serverVersion') / 10_000)
}

/**
 * Makes a database in some 30 ms.
 *
 * @param options.contents default `application`
 */
export async function createTestDatabase(options: { contents?: Contents } = {}): Promise<TestDatabase> {
  const contents = options.contents ?? 'application'
  const name = `${inject('databasePrefix')}${randomBytes(5).toString('hex')}`
  await withConnection(inject('superuserUrl'), async (client) => {
    const source = await findSource(client, contents)
    await client.query(`create database ${name} template ${source} strategy file_copy owner ${ownerName}`)
    // Rights of a database are not copied from its template.
    if (contents !== 'bare') await client.query(`revoke temporary on database ${name} from public`)
  })
  return describeDatabase(name)
}

/** `npm run test:mutate` has the tests try a weakened copy of the application's database, which it names. */
async function findSource(client: pg.Client, contents: Contents): Promise<string> {
  const weakened = process.env.TEST_APPLICATION_URL
  if (contents === 'application' && weakened) return new URL(weakened).pathname.slice(1)
  await ensureTemplate(client, contents)
  return contents === 'bare' ? 'template1' : templateName(contents)
}

function describeDatabase(name: string): TestDatabase {
  return {
    name,
    ownerUrl: urlFor(name, ownerName, ownerPassword),
    gatewayUrl: urlFor(name, gatewayName, gatewayPassword),
    issuerUrl: urlFor(name, issuerRole, issuerPassword),
    superuserUrl: urlFor(name),
    sealKeys: parseSealKeys(sealKeysText),
    close: () =>
      withConnection(inject('superuserUrl'), async (client) => {
        await client.query(`drop database if exists ${name} with (force)`)
      }),
  }
}

/** URL of a database of the test server; the superuser's when no user is named. */
export function urlFor(database: string, user?: string, password?: string): string {
  const url = new URL(inject('superuserUrl'))
  url.pathname = `/${database}`
  if (user !== undefined) url.username = user
  if (password !== undefined) url.password = password
  return url.href
}

function templateName(contents: Contents): string {
  return `${inject('databasePrefix')}template_${contents}`
}

/** Test files run in parallel processes: the first one makes the template, the others wait for it. */
async function ensureTemplate(client: pg.Client, contents: Contents): Promise<void> {
  if (await databaseExists(client, templateName(contents))) return
  await client.query('select pg_advisory_lock($1)', [lockNumber])
  try {
    await ensureOwner(client)
    if (contents !== 'bare' && !(await databaseExists(client, templateName(contents)))) {
      await makeTemplate(client, contents)
    }
  } finally {
    await client.query('select pg_advisory_unlock($1)', [lockNumber])
  }
}

/** Takes its final name last: a template that failed half way is never used. */
async function makeTemplate(client: pg.Client, contents: Contents): Promise<void> {
  const draft = `${templateName(contents)}_draft`
  await client.query(`drop database if exists ${draft} with (force)`)
  await client.query(`create database ${draft} strategy file_copy owner ${ownerName}`)
  const { ownerUrl, gatewayUrl, issuerUrl, sealKeys } = describeDatabase(draft)
  const migrationsFolder = `${demo}drizzle`
  await provision({
    ownerUrl,
    gatewayUrl,
    issuerUrl,
    sealKeys,
    ...(contents === 'application' && { migrationsFolder }),
  })
  if (contents === 'application') await runSeed(ownerUrl, `${demo}seed.sql`)
  await client.query(`alter database ${draft} rename to ${templateName(contents)}`)
}

async function ensureOwner(client: pg.Client): Promise<void> {
  const { rowCount } = await client.query('select from pg_roles where rolname = $1', [ownerName])
  if (rowCount === 1) return
  await client.query(`create role ${ownerName} login createrole password ${pg.escapeLiteral(ownerPassword)}`)
}

async function databaseExists(client: pg.Client, name: string): Promise<boolean> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [name])
  return rowCount === 1
}
