/**
 * Starts everything that a program needs to talk to PostgreSQL through the gateway: the embedded server, platform,
 * migrations, rows, a key that signs, and the gateway.
 */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Failure } from 'rowpass'
import { type Grant, generateKey, importSigningKey, issueToken } from 'rowpass/issuer'
import { loadProject, migrateDatabase, openDatabase, runSeed } from 'rowpass/operate'
import { startGateway } from './gateway.ts'
import { serveKeys } from './keys-server.ts'
import { createLadder } from './ladder.ts'
import { freePort } from './postgres/server.ts'
import { makeTemporaryFolder, removeTemporaryFolder } from './temporary-folder.ts'

/** What to start with. */
export interface LocalOptions {
  /** Folder of the data, in `.rowpass/` there; default: a folder of its own, deleted at the end. */
  readonly directory?: string
  /** Folder of drizzle-kit's migrations, applied in their order; default: none, only Rowpass's own tables. */
  readonly migrationsFolder?: string
  /** SQL that runs once as the owner, after the migrations; default: none. */
  readonly seedFile?: string
  /**
   * Whether the database stays empty, as that of a new project at Neon: an owner, and no table, role or function of ours.
   * Who asks needs a password then, and tokens get nothing. Default `false`
   */
  readonly empty?: boolean
  /** Settings of the gateway, `ROWPASS_…`, and `EMBEDDED_MEMORY_MB`; everything else is left out. Default: none. */
  readonly env?: Readonly<Record<string, string | undefined>>
  /** Hears one line for each step that takes noticeable time. */
  readonly onProgress?: (text: string) => void
}

/** A system that runs. */
export interface LocalSystem {
  /**
   * For the environment of a program: `DATABASE_URL` (role `authenticated`, no password: for clients that send a token),
   * `OWNER_DATABASE_URL` (with its password), `GATEWAY_URL` (what `neonConfig.fetchEndpoint` answers), `ISSUER`, `AUDIENCE`,
   * `JWKS_URL` and `PRIVATE_KEY`, the private JWK that signs tokens which the gateway accepts.
   */
  readonly env: Readonly<Record<LocalVariable, string>>
  /**
   * Signs a token that the gateway accepts for an hour.
   *
   * @param subject `sub`
   * @param claims what the policies ask for. Default: none
   */
  token(subject: string, claims?: Grant['claims']): Promise<string>
  /** Settles when the database has ended for whatever reason. */
  readonly ended: Promise<void>
  /** Ends all of it; deletes the data if the folder was made here. May be called twice. */
  stop(): Promise<void>
}

/** Names in {@link LocalSystem.env}. */
export type LocalVariable =
  | 'DATABASE_URL'
  | 'OWNER_DATABASE_URL'
  | 'GATEWAY_URL'
  | 'ISSUER'
  | 'AUDIENCE'
  | 'JWKS_URL'
  | 'PRIVATE_KEY'

const audience = 'rowpass-local'
const tokenSeconds = 3600
/** These are made here. */
const own = /^ROWPASS_(DATABASE_URL|SEAL_KEYS|ISSUERS|PORT|HOST)(_FILE)?$/

/**
 * Starts a system on 127.0.0.1, on free ports.
 *
 * Does NOT touch a database that the environment names, and keeps nothing unless `directory` is given.
 *
 * @example
 * const local = await startLocal({ migrationsFolder: 'drizzle', seedFile: 'seed.sql' })
 * const token = await local.token('2e7e25e8-5445-40bd-8f89-dc19bba64faa')
 * await local.stop()
 *
 * @throws Failure those of the embedded server, of the migrations (`migration_failed`) and of the rows (`seed_failed`)
 */
export async function startLocal(options: LocalOptions = {}): Promise<LocalSystem> {
  const { onProgress } = options
  const ladder = createLadder()
  const stop = async (): Promise<void> => {
    const [error] = await ladder.down()
    if (error !== undefined) throw error
  }
  try {
    const directory = options.directory === undefined ? makeTemporaryFolder() : resolve(options.directory)
    if (options.directory === undefined) ladder.add({ down: async () => removeTemporaryFolder(directory) })
    const { privateJwk } = await generateKey()
    const privateKey = JSON.stringify(privateJwk)
    const signingKey = await importSigningKey(privateKey)
    const keys = await serveKeys(signingKey)
    ladder.add({ down: keys.close })
    const env = { ...settingsOf(options.env ?? {}), ISSUER: keys.url, AUDIENCE: audience }
    const project = loadProject({ cwd: directory, env })
    const database = await openDatabase(project, {
      durable: options.directory !== undefined,
      ...(onProgress && { onProgress }),
    })
    ladder.add({ down: database.stop })
    const { migrationsFolder: folder, empty = false } = options
    if (empty && (folder !== undefined || options.seedFile !== undefined)) {
      throw new Failure('config_invalid', { detail: 'an empty database has neither migrations nor rows' })
    }
    // The programs of a project may have none yet; a folder that is named is there.
    if (folder !== undefined && !existsSync(folder)) {
      throw new Failure('config_invalid', { detail: `${resolve(folder)} cannot be read (ENOENT)` })
    }
    if (!empty) {
      await migrateDatabase(project, database, {
        migrationsFolder: folder === undefined ? undefined : resolve(folder),
        ...(onProgress && { onProgress }),
      })
    }
    if (options.seedFile !== undefined) {
      await runSeed(database.ownerUrl, resolve(options.seedFile), { onlyIfNew: true })
    }
    // Once the server has taken its own: nobody keeps a free port free.
    const gatewayPort = await freePort()
    const gatewayUrl = `http://127.0.0.1:${gatewayPort}/sql`
    // An empty database has no login but its owner's, and a gateway is never ready there.
    const logins = empty ? { ...database, gatewayUrl: database.ownerUrl } : database
    const urls = { apiUrl: keys.url, gatewayUrl }
    const gateway = await startGateway({ ...project, gatewayPort }, logins, urls, { untilReady: !empty })
    ladder.add({ down: gateway.close })
    return {
      env: {
        DATABASE_URL: database.databaseUrl,
        OWNER_DATABASE_URL: database.ownerUrl,
        GATEWAY_URL: gatewayUrl,
        ISSUER: keys.url,
        AUDIENCE: audience,
        JWKS_URL: `${keys.url}/.well-known/jwks.json`,
        PRIVATE_KEY: privateKey,
      },
      token: (subject, claims = {}) =>
        issueToken(signingKey, {
          issuer: keys.url,
          audience,
          subject,
          clientId: audience,
          claims,
          ttlSeconds: tokenSeconds,
        }),
      ended: database.ended,
      stop,
    }
  } catch (error) {
    await ladder.down()
    throw error
  }
}

function settingsOf(env: Readonly<Record<string, string | undefined>>): Record<string, string | undefined> {
  return Object.fromEntries(
    Object.entries(env).filter(
      ([name]) => name === 'EMBEDDED_MEMORY_MB' || (name.startsWith('ROWPASS_') && !own.test(name)),
    ),
  )
}
