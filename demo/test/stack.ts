/**
 * The whole way of a request, of real parts: the API publishes keys, the gateway fetches them and verifies, PostgreSQL
 * decides.
 */
import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { neonConfig } from '@neondatabase/serverless'
import { vi } from 'vitest'
import { connectTo } from '../../packages/rowpass/src/database/connect.ts'
import { provision } from '../../packages/rowpass/src/database/provision.ts'
import { runSeed } from '../../packages/rowpass/src/database/seed.ts'
import { parseGatewayConfig } from '../../packages/rowpass/src/gateway/config.ts'
import { createGateway } from '../../packages/rowpass/src/gateway/server.ts'
import { issueToken } from '../../packages/rowpass/src/issuer/issue.ts'
import { parseEncryptionKeys } from '../../packages/rowpass/src/issuer/ring/encryption.ts'
import { createPostgresRing } from '../../packages/rowpass/src/issuer/ring/postgres.ts'
import { addKey } from '../../packages/rowpass/src/issuer/ring/ring.ts'
import { defaultTiming, type RingStore } from '../../packages/rowpass/src/issuer/ring/ring-store.ts'
import { generateKey, importSigningKey } from '../../packages/rowpass/src/token/key.ts'
import { fixedKeys } from '../../packages/rowpass/src/token/key-source.ts'
import { createTestDatabase, demo, sealKeysText, type TestDatabase } from '../../packages/rowpass/test/support/pg.ts'
import { createAssets } from '../src/assets.ts'
import { type CallerDatabase, connectAs } from '../src/database.ts'
import type { Bindings } from '../src/env.ts'
import { hide } from '../src/hidden.ts'
import type { Persona } from '../src/personas.ts'
import { createIdentify } from '../src/sealing.ts'
import { installSessionJwt, startAuthorize } from './authorize.ts'
import { askApp } from './conform.ts'

/** The ways from the app to its database. Neon's part is played by our gateway's password mode, which speaks its contract. */
export const ways = ['gateway', 'sealed', 'authorize'] as const

/** One of them. */
export type Way = (typeof ways)[number]

/** A running stack with a database of its own. */
export interface Stack {
  readonly database: TestDatabase
  readonly gatewayUrl: string
  /** What the app or the Worker is to be given; `DEMO=true`. */
  readonly bindings: Bindings & {
    readonly GATEWAY_URL: string
    readonly ISSUER_DATABASE_URL: string
    readonly PRIVATE_KEY: string
  }
  /** The issuers that the gateway trusts, as ROWPASS_ISSUERS has them. */
  readonly issuers: string
  /** A token of our issuer for a seeded person, or for a stranger with these claims. */
  sign(who: Who, options?: SignOptions): Promise<string>
  /** The database as somebody, by the way of this stack and under a database role. Default `authenticated`. */
  connect(who: Who, role?: RequestRole): Promise<CallerDatabase>
  /** Asks the app, in this process. */
  request(path: string, init?: RequestInit): Promise<Response>
  close(): Promise<void>
}

/** A seeded person, or a stranger with these claims. */
type Who = Pick<Persona, 'id' | 'tenantId' | 'role'> | { sub: string }
type RequestRole = 'authenticated' | 'anonymous'

interface SignOptions {
  /** Which of two issuers: its tokens get the database role of this name at the gateway. Default `authenticated`. */
  role?: RequestRole
  /** The time at which it is signed, in milliseconds. */
  now?: number
  /** The session that it belongs to. */
  sid?: string
  /** What it is narrowed to. */
  scope?: string
}

const audience = 'rowpass'
const issuers = { authenticated: 'http://issuer.localhost', anonymous: 'http://issuer.localhost/anonymous' }

/**
 * Starts everything on free ports of 127.0.0.1.
 *
 * @param settings more settings of the gateway
 * @param way from the app to the database
 * @param ringSecret has the app sign with a ring in the database, whose keys this encrypts
 */
export async function startStack(
  settings: Record<string, string> = {},
  way: Way = 'gateway',
  ringSecret?: string,
): Promise<Stack> {
  const database = await (way === 'authorize' ? createAuthorizeDatabase() : createTestDatabase())
  const generated = await generateKey()
  const key = await importSigningKey(generated.privateJwk)
  if (ringSecret !== undefined) {
    const ring = await openRing(database, ringSecret)
    await ring.change(async (empty, now) => ({ ring: addKey(empty, generated.publicJwk, now), made: [generated] }))
  }
  const publisher = createServer(async (_request, response) => {
    const jwks = await askApp('/.well-known/jwks.json', {}, bindings)
    response.writeHead(jwks.status, Object.fromEntries(jwks.headers)).end(await jwks.text())
  })
  const port = await new Promise<number>((resolve) => {
    publisher.listen(0, '127.0.0.1', () => resolve((publisher.address() as AddressInfo).port))
  })
  const trusted = Object.entries(issuers).map(([role, iss]) => ({
    iss,
    jwks_url: `http://127.0.0.1:${port}/.well-known/jwks.json`,
    audience,
    role,
  }))
  const gateway = createGateway(
    parseGatewayConfig({
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ROWPASS_SEAL_KEYS: sealKeysText,
      ROWPASS_ISSUERS: JSON.stringify(trusted),
      ROWPASS_PORT: '0',
      ROWPASS_PRIVATE_JWKS: 'true',
      ROWPASS_PASSWORD_MODE: 'true',
      ROWPASS_PASSWORD_USERS: way === 'gateway' ? 'rowpass_issuer' : 'rowpass_issuer,rowpass_gateway',
      ...settings,
    }),
  )
  const gatewayUrl = (await gateway.listen()).href
  await vi.waitUntil(() => gateway.ready(), { timeout: 30_000, interval: 10 })
  const jwksUrl = `http://127.0.0.1:${port}/.well-known/jwks.json`
  const authorize =
    way === 'authorize'
      ? await startAuthorize({ endpoint: gatewayUrl, loginUrl: database.gatewayUrl, jwksUrl })
      : undefined
  const endpoint = authorize?.url ?? gatewayUrl
  neonConfig.fetchEndpoint = endpoint
  const sign: Stack['sign'] = (who, { role = 'authenticated', now = Date.now(), sid, scope } = {}) =>
    issueToken(
      key,
      {
        issuer: issuers[role],
        audience,
        clientId: 'test',
        ...('sub' in who
          ? { subject: who.sub, claims: { sid, scope } }
          : { subject: who.id, claims: { tenant_id: who.tenantId, role: who.role, sid, scope } }),
      },
      { now: () => now },
    )
  const web = new URL('../web/', import.meta.url)
  const bindings: Stack['bindings'] = {
    ...(way === 'sealed'
      ? { ROWPASS_DATABASE_URL: database.gatewayUrl, ROWPASS_SEAL_KEYS: sealKeysText }
      : { DATABASE_URL: `postgresql://authenticated@127.0.0.1:5432/${database.name}` }),
    GATEWAY_URL: endpoint,
    ISSUER_DATABASE_URL: database.issuerUrl,
    PRIVATE_KEY: ringSecret === undefined ? JSON.stringify(generated.privateJwk) : '',
    ...(ringSecret !== undefined && { KEY_ENCRYPTION_KEYS: ringSecret }),
    ISSUER: issuers.authenticated,
    AUDIENCE: audience,
    DEMO: 'true',
    ASSETS: createAssets((name) => readFile(new URL(name, web)).catch(() => undefined)),
  }
  return {
    database,
    gatewayUrl,
    issuers: JSON.stringify(trusted),
    bindings,
    sign,
    async connect(who, role = 'authenticated') {
      const token = await sign(who, way === 'gateway' ? { role } : {})
      const url = new URL(bindings.ROWPASS_DATABASE_URL ?? bindings.DATABASE_URL ?? '')
      if (way === 'authorize') url.username = role
      const settings = { issuer: issuers.authenticated, audience, keys: fixedKeys(key), sealKeys: sealKeysText, role }
      return connectAs(token, {
        databaseUrl: hide(url.href),
        identify: way === 'sealed' ? createIdentify(settings) : undefined,
      })
    },
    request: async (path, init) => askApp(path, init, bindings),
    close: async () => {
      await authorize?.close()
      await gateway.close()
      await new Promise((resolve) => publisher.close(resolve))
      await database.close()
    },
  }
}

/** The tables and rows of the demo where pg_session_jwt has the functions of the schema `auth`. */
async function createAuthorizeDatabase(): Promise<TestDatabase> {
  const database = await createTestDatabase({ contents: 'bare' })
  await installSessionJwt(database.superuserUrl, new URL(database.ownerUrl).username)
  const { ownerUrl, gatewayUrl, issuerUrl, sealKeys } = database
  await provision({ ownerUrl, gatewayUrl, issuerUrl, sealKeys, migrationsFolder: `${demo}drizzle` })
  await runSeed(ownerUrl, `${demo}seed.sql`)
  return database
}

/** The key ring of a database, as its owner has it. */
export async function openRing({ ownerUrl }: TestDatabase, secret: string): Promise<RingStore> {
  return createPostgresRing({
    says: 'the test database',
    connect: connectTo(ownerUrl),
    encryptionKeys: await parseEncryptionKeys(secret),
    timing: defaultTiming,
  })
}
