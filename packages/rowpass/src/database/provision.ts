/**
 * Makes a database ready for Rowpass: roles, SQL, seal keys, and the application's own migrations.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type pg from 'pg'
import { Failure } from '../errors.ts'
import { installSealKeys } from '../seal/keys.ts'
import type { SealKey } from '../seal/seal.ts'
import { parsePostgresUrl, sqlstateOf, withConnection } from './connect.ts'
import { closeUnused } from './harden.ts'
import { applyPlatform, hasIssuer, refuseNewer } from './platform.ts'
import { createRoles, type Login, type Logins } from './roles.ts'

/** What to prepare. */
export interface ProvisionOptions {
  /** URL of the owner: the database's owner or a superuser, with CREATEROLE. A direct connection, not a pooler's. */
  readonly ownerUrl: string
  /** URL with user and password of the gateway's login; without it no login is made. */
  readonly gatewayUrl?: string
  /** Whether a superuser hardens the database next; then what the owner had to leave open is not told. Default `false`. */
  readonly hardenedNext?: boolean
  /** Whether a login that exists with another password gets the one of `gatewayUrl`. Default `false`. */
  readonly replaceGatewayPassword?: boolean
  /** Whether the part of our own issuer is installed. Where it is already, it is kept up. Default: when `issuerUrl` is given. */
  readonly withIssuer?: boolean
  /** URL with password of the issuer's login, `rowpass_issuer`; without it that role cannot log in. */
  readonly issuerUrl?: string
  /** The same for `issuerUrl`. Default `false`. */
  readonly replaceIssuerPassword?: boolean
  /** Seal keys to install; those of other names stay. */
  readonly sealKeys?: readonly SealKey[]
  /** Folder of the application's migrations as drizzle-kit writes them; without a journal in it there are none. */
  readonly migrationsFolder?: string
  /** Folder with the rooms and their SQL; default: those of this package. */
  readonly sqlRoot?: string
  /** Connections that the gateways need, of `connectionsNeeded`; without it their login has no new limit of connections. */
  readonly connections?: number
  readonly onProgress?: (text: string) => void
}

/** What one run has done; all zero on a database that was ready. */
export interface ProvisionReport {
  /** Names of the files of our SQL applied, as `seal/claims.sql`. */
  readonly platform: readonly string[]
  /** Number of application migrations applied. */
  readonly application: number
}

const oldest = 150000
const newest = 189999
/** Runs against one database wait for each other. The number is 'rowpass' in ASCII. */
const lockNumber = '32210706122240883'

/**
 * Brings a database to the state of this source tree. Idempotent; several runs at once are safe.
 *
 * Takes the right to make temporary tables, and to create in schema `public`, from PUBLIC, as a request could leave objects
 * behind; where another role would lose it by that, it stays, and `onProgress` hears of it. Gives nothing to anyone but our
 * own roles. Has the database count changes of its schema, where the owner may make event triggers. Does NOT seed and does NOT drop.
 *
 * @throws Failure `database_unavailable` when the owner cannot connect
 * @throws Failure `server_unsupported` when the server is not PostgreSQL 15 to 18
 * @throws Failure `owner_powerless`, `role_unsafe`, `login_exists` see `createRoles`
 * @throws Failure `database_newer`, `migration_changed`, `migration_failed` see `applyPlatform`
 */
export async function provision(options: ProvisionOptions): Promise<ProvisionReport> {
  const logins = {
    gateway: toLogin(options.gatewayUrl, options.replaceGatewayPassword),
    issuer: toLogin(options.issuerUrl, options.replaceIssuerPassword),
  }
  return withConnection(options.ownerUrl, async (client) => {
    const platform = await install(client, options, logins)
    const login = logins.gateway && decodeURIComponent(logins.gateway.url.username)
    const open = await closeUnused({ client, login, connections: options.connections })
    if (options.hardenedNext !== true) for (const line of open) options.onProgress?.(line)
    if (options.sealKeys !== undefined) await installSealKeys(client, options.sealKeys)
    const application = await applyApplication(client, options.migrationsFolder)
    return { platform, application }
  })
}

/** What the part of our own issuer needs to be installed. */
export type IssuerProvisionOptions = Pick<
  ProvisionOptions,
  'ownerUrl' | 'issuerUrl' | 'replaceIssuerPassword' | 'onProgress'
>

/**
 * Installs the part of our own issuer, and what it needs of the platform: ended sessions are kept there. Makes no login of
 * the gateway, no seal key, and closes nothing. Idempotent; runs beside {@link provision} in any order.
 *
 * @returns names of the files applied now
 * @throws Failure as {@link provision}
 */
export async function provisionIssuer(options: IssuerProvisionOptions): Promise<readonly string[]> {
  const issuer = toLogin(options.issuerUrl, options.replaceIssuerPassword)
  return withConnection(options.ownerUrl, (client) => install(client, { ...options, withIssuer: true }, { issuer }))
}

async function install(
  client: pg.ClientBase,
  { withIssuer: wanted, sqlRoot, onProgress }: Pick<ProvisionOptions, 'withIssuer' | 'sqlRoot' | 'onProgress'>,
  logins: Logins,
): Promise<string[]> {
  await checkServer(client)
  await takeLock(client, onProgress)
  await refuseNewer(client, sqlRoot)
  const withIssuer = (wanted ?? logins.issuer !== undefined) || (await hasIssuer(client))
  await createRoles(client, logins, withIssuer)
  return applyPlatform(client, { withIssuer, sqlRoot })
}

function toLogin(url: string | undefined, replacePassword = false): Login | undefined {
  return url === undefined ? undefined : { url: parsePostgresUrl(url), replacePassword }
}

async function checkServer(client: pg.ClientBase): Promise<void> {
  const { rows } = await client.query<{ number: string; version: string }>(
    `select current_setting('server_version_num') as number, current_setting('server_version') as version`,
  )
  const number = Number(rows[0]?.number)
  if (number < oldest || number > newest) {
    throw new Failure('server_unsupported', { detail: `this server is PostgreSQL ${rows[0]?.version}` })
  }
}

/** The lock belongs to the connection and goes with it. */
async function takeLock(client: pg.ClientBase, onProgress?: (text: string) => void): Promise<void> {
  const { rows } = await client.query<{ taken: boolean }>('select pg_try_advisory_lock($1) as taken', [lockNumber])
  if (rows[0]?.taken === true) return
  onProgress?.('waiting for another migration of this database to end')
  await client.query('select pg_advisory_lock($1)', [lockNumber])
}

async function applyApplication(client: pg.Client, folder: string | undefined): Promise<number> {
  if (folder === undefined || !existsSync(join(folder, 'meta', '_journal.json'))) return 0
  const { drizzle, migrate } = await loadDrizzle()
  const before = await countApplied(client)
  try {
    await migrate(drizzle(client), { migrationsFolder: folder })
  } catch (error) {
    // drizzle-orm wraps the server's error and puts the whole statement into its own message.
    const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error
    const reason = cause instanceof Error ? cause.message : String(cause)
    const state = sqlstateOf(cause)
    const taken = state === '42P07' ? '; "--platform" leaves these migrations out' : ''
    const detail = `${folder}: ${reason}${state ? ` (${state})` : ''}${taken}`
    throw new Failure('migration_failed', { detail, cause: error })
  }
  return (await countApplied(client)) - before
}

/** Optional: databases without migrations of drizzle-kit do without it. */
async function loadDrizzle() {
  try {
    const { drizzle } = await import('drizzle-orm/node-postgres')
    const { migrate } = await import('drizzle-orm/node-postgres/migrator')
    return { drizzle, migrate }
  } catch (error) {
    const detail = 'the migrations are those of drizzle-kit, and drizzle-orm cannot be loaded: npm install drizzle-orm'
    throw new Failure('config_invalid', { detail, cause: error })
  }
}

async function countApplied(client: pg.ClientBase): Promise<number> {
  const { rows } = await client.query<{ found: boolean }>(
    `select to_regclass('drizzle.__drizzle_migrations') is not null as found`,
  )
  if (rows[0]?.found !== true) return 0
  const count = await client.query<{ n: number }>('select count(*)::int as n from drizzle.__drizzle_migrations')
  return count.rows[0]?.n ?? 0
}
