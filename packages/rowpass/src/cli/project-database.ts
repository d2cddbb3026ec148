/**
 * Opens the database of a project: the embedded one, or the one that OWNER_DATABASE_URL names.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { serverOf, withConnection } from '../database/connect.ts'
import { connectionsNeeded } from '../database/exposure.ts'
import { hardenDatabase, undoHardening } from '../database/harden.ts'
import { hasIssuer } from '../database/platform.ts'
import { makeStateFolder } from '../database/private-files.ts'
import { type ProvisionReport, provision, provisionIssuer } from '../database/provision.ts'
import { issuerRole } from '../database/roles.ts'
import { loadSecrets } from '../database/secrets.ts'
import { runSeed, type SeedOptions } from '../database/seed.ts'
import { Failure } from '../errors.ts'
import { variableOf } from '../gateway/setting-kinds.ts'
import { settings } from '../gateway/settings.ts'
import { countWorkers } from '../gateway/workers/count.ts'
import { parseSealKeys } from '../seal/keys.ts'
import type { SealKey } from '../seal/seal.ts'
import type { Io } from './io.ts'
import { loadLocal } from './local.ts'
import { loadProject, type Project } from './project.ts'
import { readRunning } from './running.ts'

/** A database that can be prepared and used. */
export interface OpenDatabase {
  /** For a person: which one it is, without a password. */
  readonly says: string
  /** URL of the owner, with its password. */
  readonly ownerUrl: string
  /** URL of the gateway's login, with its password. */
  readonly gatewayUrl: string
  /** Name of the gateway's login, and the connections that the gateways need, by the settings that they have here. */
  readonly gateways: { readonly login: string; readonly connections: number }
  /** URL of the issuer's login, with its password. */
  readonly issuerUrl: string
  /** URL for clients: role `authenticated`, no password. */
  readonly databaseUrl: string
  /** Seal keys, `name:secret[,…]`; the first one seals. */
  readonly sealKeys: string
  /** What private keys in the database are encrypted under, `name:secret[,…]`; the first one encrypts. */
  readonly encryptionKeys: string
  /** Whether the password of the gateway's login may be set anew where it differs. */
  readonly replaceGatewayPassword: boolean
  /** Superuser of an embedded server that this call started, connected to the database; undefined for others. */
  readonly superuserUrl: string | undefined
  /** Whether that of the issuer's login may. */
  readonly replaceIssuerPassword: boolean
  /** Settles when an embedded server has ended; never for others. */
  readonly ended: Promise<void>
  /** Ends an embedded server that this call started. */
  stop(): Promise<void>
}

/** Name of the gateway's login where no URL says another. */
const gatewayName = 'rowpass_gateway'

/**
 * Opens the database of a project; starts the embedded server if it is needed and does not run yet.
 *
 * @throws Failure `local_missing` when it needs the embedded server and `@rowpass/local` is not installed; those of
 *   `openLocalDatabase` there
 */
export async function openDatabase(
  project: Project,
  options: { durable?: boolean; onProgress?: (text: string) => void } = {},
): Promise<OpenDatabase> {
  const { secrets } = loadSecrets(makeStateFolder(project.directory))
  const sealKeys = project.env.ROWPASS_SEAL_KEYS ?? secrets.sealKeys
  const rest = (ownerUrl: string) => ({
    ownerUrl,
    ...gatewayOf(project, project.env.ROWPASS_DATABASE_URL ?? loginUrl(ownerUrl, gatewayName, secrets.gatewayPassword)),
    issuerUrl: project.env.ISSUER_DATABASE_URL ?? loginUrl(ownerUrl, issuerRole, secrets.issuerPassword),
    databaseUrl: loginUrl(ownerUrl, 'authenticated', ''),
    sealKeys,
    encryptionKeys: project.env.KEY_ENCRYPTION_KEYS ?? secrets.encryptionKeys,
  })
  const notOurs = { superuserUrl: undefined, ended: new Promise<void>(() => undefined), stop: async () => undefined }
  const ours = { replaceGatewayPassword: true, replaceIssuerPassword: true }
  if (project.ownerUrl !== undefined) {
    return {
      ...rest(project.ownerUrl),
      ...notOurs,
      says: serverOf(project.ownerUrl),
      replaceGatewayPassword: project.env.ROWPASS_DATABASE_URL !== undefined,
      replaceIssuerPassword: project.env.ISSUER_DATABASE_URL !== undefined,
    }
  }
  const running = readRunning(project.directory)
  if (running?.ready === true && running.pid !== process.pid) {
    return { ...rest(running.ownerUrl), ...notOurs, ...ours, says: serverOf(running.ownerUrl) }
  }
  const { directory, embeddedMemoryMb: memoryMb } = project
  const { openLocalDatabase } = await loadLocal()
  const local = await openLocalDatabase({
    directory,
    ownerPassword: secrets.ownerPassword,
    ...options,
    ...(memoryMb !== undefined && { memoryMb }),
  })
  return { ...rest(local.ownerUrl), ...ours, ...local }
}

/**
 * Brings an open database to the state of the project: roles, SQL, our own issuer, seal keys, migrations. An embedded one is
 * hardened as well, as nobody but Rowpass uses it.
 *
 * @param options.platformOnly leaves out our own issuer and the migrations in `drizzle/`: issuer and tables are somebody
 *   else's. Default `false`
 * @param options.sealOnly leaves these out as well, and sets no limit of connections: no gateway is to come. Default `false`
 * @param options.migrationsFolder of drizzle-kit; undefined for none. Default `drizzle/` of the project
 */
export async function migrateDatabase(
  project: Project,
  database: OpenDatabase,
  options: {
    platformOnly?: boolean
    sealOnly?: boolean
    migrationsFolder?: string | undefined
    onProgress?: (text: string) => void
  } = {},
): Promise<ProvisionReport> {
  const { sealOnly = false, onProgress } = options
  const platformOnly = sealOnly || options.platformOnly === true
  const migrationsFolder = 'migrationsFolder' in options ? options.migrationsFolder : join(project.directory, 'drizzle')
  const report = await provision({
    ownerUrl: database.ownerUrl,
    hardenedNext: database.superuserUrl !== undefined,
    gatewayUrl: database.gatewayUrl,
    replaceGatewayPassword: database.replaceGatewayPassword,
    ...(!platformOnly && issuerLogin(database)),
    sealKeys: readSealKeys(database.sealKeys),
    ...(!sealOnly && { connections: database.gateways.connections }),
    ...(!platformOnly && migrationsFolder !== undefined && { migrationsFolder }),
    ...(onProgress && { onProgress }),
  })
  if (database.superuserUrl !== undefined) {
    const { login, connections } = database.gateways
    const harden = { url: database.superuserUrl, login, ...(!sealOnly && { connections }) }
    // What an earlier version took unasked, from a database that nobody else hardens.
    await undoHardening({ ...harden, steps: ['default_functions'], onlyUnrecorded: true })
    await hardenDatabase(harden)
  }
  return report
}

/**
 * Installs the part of our own issuer in an open database, and its login.
 *
 * @returns names of the files of SQL applied now
 */
export function migrateIssuer(
  database: OpenDatabase,
  options: { onProgress?: (text: string) => void } = {},
): Promise<readonly string[]> {
  return provisionIssuer({ ownerUrl: database.ownerUrl, ...issuerLogin(database), ...options })
}

const issuerLogin = ({ issuerUrl, replaceIssuerPassword }: OpenDatabase) => ({ issuerUrl, replaceIssuerPassword })

function gatewayOf(project: Project, gatewayUrl: string): Pick<OpenDatabase, 'gatewayUrl' | 'gateways'> {
  const read = (name: 'poolSize' | 'gateways' | 'workers', parse: (text: string) => number): number => {
    const variable = variableOf(name)
    try {
      return parse(project.env[variable] ?? settings[name].default ?? '')
    } catch (error) {
      const detail = `${variable} ${error instanceof TypeError ? error.message : 'cannot be read'}`
      throw new Failure('config_invalid', { detail, cause: error })
    }
  }
  const poolSize = read('poolSize', settings.poolSize.parse)
  const gateways = read('gateways', settings.gateways.parse)
  const workers = read('workers', (text) => countWorkers(settings.workers.parse(text), poolSize))
  const connections = connectionsNeeded({ poolSize, gateways, workers })
  return { gatewayUrl, gateways: { login: decodeURIComponent(new URL(gatewayUrl).username), connections } }
}

/**
 * Opens the database of the project in which a command was called, hands it to `work`, and closes what was opened.
 *
 * @throws Failure `config_invalid` when `work` fails as there is no issuer in that database
 */
export async function withIssuerDatabase<T>(io: Io, work: (database: OpenDatabase) => Promise<T>): Promise<T> {
  const database = await openDatabase(loadProject(io), { onProgress: (text) => io.stderr(`${text}\n`) })
  try {
    return await work(database)
  } catch (error) {
    // Where not even that can be asked, the first error says why.
    const installed = await withConnection(database.ownerUrl, hasIssuer).catch(() => true)
    if (installed) throw error
    const detail = `${database.says} has no issuer yet: run "rowpass issuer migrate" first`
    throw new Failure('config_invalid', { detail, cause: error })
  } finally {
    await database.stop()
  }
}

/**
 * Runs the project's `seed.sql`.
 *
 * @returns whether it ran: not when there is none
 */
export async function seedDatabase(
  project: Project,
  database: OpenDatabase,
  options: SeedOptions = {},
): Promise<boolean> {
  const file = join(project.directory, 'seed.sql')
  return existsSync(file) && runSeed(database.ownerUrl, file, options)
}

/**
 * Parses seal keys of a setting.
 * @throws Failure `config_invalid` that names the faulty key, never its secret
 */
export function readSealKeys(text: string): readonly SealKey[] {
  try {
    return parseSealKeys(text)
  } catch (error) {
    if (!(error instanceof TypeError)) throw error
    throw new Failure('config_invalid', { detail: `ROWPASS_SEAL_KEYS: ${error.message}`, cause: error })
  }
}

function loginUrl(ownerUrl: string, user: string, password: string): string {
  const url = new URL(ownerUrl)
  url.username = user
  url.password = password
  return url.href
}
