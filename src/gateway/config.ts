/**
 * The gateway's configuration: one table of settings, one parser that reports every problem at once.
 */
import { readFileSync } from 'node:fs'
import { z } from 'zod'
import { parseSealKeys } from '../seal/keys.ts'
import type { SealKey } from '../seal/seal.ts'
import type { TrustedIssuer } from '../verify/issuer-config.ts'
import { parseIssuers } from './issuers.ts'

/** How one setting is declared. `docs/configuration.md` is written from these declarations. */
export interface Setting<Value> {
  /** Text of the default; absent where a value must be given. */
  readonly default?: string
  /** Never printed. */
  readonly secret?: true
  readonly says: string
  parse(text: string): Value
}

const integer = (min: number, max: number) => (text: string) => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new TypeError(`is not a whole number from ${min} to ${max}`)
  return value
}

const flag = (text: string) => {
  if (text !== 'true' && text !== 'false') throw new TypeError('is neither true nor false')
  return text === 'true'
}

const list = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

const origins = (text: string) => {
  for (const origin of list(text)) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) throw new TypeError(`has no origin "${origin}"`)
  }
  return new Set(list(text))
}

const postgresUrl = (text: string) => {
  const parsed = z.url({ protocol: /^postgres(ql)?$/ }).safeParse(text)
  if (!parsed.success) throw new TypeError('is not a PostgreSQL URL')
  const url = new URL(text)
  if (url.username === '' || url.pathname.length < 2) throw new TypeError('has no user or no database')
  return url
}

/** Every setting, by the name of its environment variable. Each may also be read from a file named by `<name>_FILE`. */
export const settings = {
  ROWPASS_DATABASE_URL: {
    secret: true,
    says: 'PostgreSQL to serve, with the powerless login role that `rowpass db migrate` makes.',
    parse: postgresUrl,
  },
  ROWPASS_SEAL_KEYS: {
    secret: true,
    says: 'Keys that seal claims: `name:secret[,name:secret…]`, 32 bytes in base64url each. The first one seals. `rowpass db seal-keys --new <name>` makes one.',
    parse: parseSealKeys,
  },
  ROWPASS_ISSUERS: {
    says: 'Issuers whose tokens are accepted, as JSON: see below.',
    parse: parseIssuers,
  },
  ROWPASS_DATABASE_ALIASES: {
    default: '',
    says: 'Database names that clients may use besides the real one, separated by commas.',
    parse: list,
  },
  ROWPASS_HOST: { default: '127.0.0.1', says: 'Address to listen on.', parse: (text: string) => text },
  ROWPASS_PORT: { default: '4444', says: 'Port to listen on; 0 takes a free one.', parse: integer(0, 65_535) },
  ROWPASS_METRICS_PORT: {
    default: '0',
    says: 'Port of `GET /metrics` for Prometheus, on the same address; 0 for none. Not for the public.',
    parse: integer(0, 65_535),
  },
  ROWPASS_CORS_ORIGINS: {
    default: '',
    says: 'Origins whose pages may call the gateway, over HTTP and WebSocket, separated by commas. None by default.',
    parse: origins,
  },
  ROWPASS_POOL_SIZE: { default: '4', says: 'Connections to PostgreSQL.', parse: integer(1, 1_000) },
  ROWPASS_PIPELINE_DEPTH: {
    default: '8',
    says: 'Requests that one connection carries at once.',
    parse: integer(1, 256),
  },
  ROWPASS_PREPARED_STATEMENTS: {
    default: '256',
    says: 'Statements kept prepared on each connection; 0 behind a pooler in transaction mode.',
    parse: integer(0, 10_000),
  },
  ROWPASS_QUEUE_LIMIT: {
    default: '1000',
    says: 'Requests that may wait for a connection.',
    parse: integer(0, 1_000_000),
  },
  ROWPASS_QUEUE_TIMEOUT_MS: {
    default: '5000',
    says: 'Milliseconds a request may wait for a connection.',
    parse: integer(1, 600_000),
  },
  ROWPASS_IDENTITY_LIMIT: {
    default: '64',
    says: 'Requests that one tenant (claim `tenant_id`), or one subject without a tenant, may have under way.',
    parse: integer(1, 1_000_000),
  },
  ROWPASS_CONNECT_TIMEOUT_MS: {
    default: '5000',
    says: 'Milliseconds a connection to PostgreSQL may take to open.',
    parse: integer(1, 600_000),
  },
  ROWPASS_STATEMENT_TIMEOUT_MS: {
    default: '15000',
    says: 'Milliseconds one statement may run.',
    parse: integer(1, 3_600_000),
  },
  ROWPASS_LOCK_TIMEOUT_MS: {
    default: '5000',
    says: 'Milliseconds a statement may wait for a lock.',
    parse: integer(1, 3_600_000),
  },
  ROWPASS_REQUEST_TIMEOUT_MS: {
    default: '30000',
    says: 'Milliseconds a whole request, batch or not, may run.',
    parse: integer(1, 3_600_000),
  },
  ROWPASS_MAX_REQUEST_BYTES: {
    default: '10485760',
    says: 'Bytes of a request body.',
    parse: integer(1, 1_073_741_824),
  },
  ROWPASS_MAX_RESPONSE_BYTES: {
    default: '10485760',
    says: 'Bytes of results that one request may return.',
    parse: integer(1, 1_073_741_824),
  },
  ROWPASS_MAX_BATCH: { default: '1000', says: 'Statements in one batch.', parse: integer(1, 100_000) },
  ROWPASS_PASSWORD_MODE: {
    default: 'false',
    says: 'Whether database users may log in with their own password, over HTTP and WebSocket, and run any statement.',
    parse: flag,
  },
  ROWPASS_PASSWORD_USERS: {
    default: '',
    says: 'The only database users who may log in with a password, separated by commas; everybody may when empty. An issuer in production needs `rowpass_issuer` and nobody else.',
    parse: (text: string) => new Set(list(text)),
  },
  ROWPASS_PASSWORD_SESSIONS: {
    default: '20',
    says: 'Sessions with a password that may be open at once, over HTTP and WebSocket together.',
    parse: integer(1, 10_000),
  },
  ROWPASS_PASSWORD_IDLE_TIMEOUT_MS: {
    default: '600000',
    says: 'Milliseconds a session over WebSocket may sit idle, in a transaction or not; 0 for no limit.',
    parse: integer(0, 86_400_000),
  },
  ROWPASS_PRIVATE_JWKS: {
    default: 'false',
    says: 'Whether JWKS may be fetched from private addresses and over plain http.',
    parse: flag,
  },
  ROWPASS_JWKS_MIN_SECONDS: {
    default: '30',
    says: 'The shortest time for which the keys of an issuer are kept, whatever its `max-age` says.',
    parse: integer(1, 600),
  },
  ROWPASS_JWKS_MAX_SECONDS: {
    default: '600',
    says: 'The longest. A key that its issuer has removed is refused within this, or its `max-age`, and 6 s.',
    parse: integer(1, 86_400),
  },
  ROWPASS_JWKS_STALE_SECONDS: {
    default: '3600',
    says: 'How long keys are used when their issuer does not answer.',
    parse: integer(600, 86_400),
  },
} as const satisfies Record<string, Setting<unknown>>

type SettingName = keyof typeof settings
type Values = { readonly [Name in SettingName]: ReturnType<(typeof settings)[Name]['parse']> }

/** The parsed configuration of one gateway. */
export interface GatewayConfig {
  readonly databaseUrl: URL
  /** Database names accepted in the connection string. */
  readonly databases: ReadonlySet<string>
  readonly sealKeys: readonly [SealKey, ...SealKey[]]
  readonly issuers: readonly TrustedIssuer[]
  readonly allowPrivateJwks: boolean
  readonly jwksMinSeconds: number
  readonly jwksMaxSeconds: number
  readonly jwksStaleSeconds: number
  readonly host: string
  readonly port: number
  readonly metricsPort: number
  readonly corsOrigins: ReadonlySet<string>
  readonly poolSize: number
  readonly pipelineDepth: number
  readonly preparedStatements: number
  readonly queueLimit: number
  readonly queueTimeoutMs: number
  readonly identityLimit: number
  readonly connectTimeoutMs: number
  readonly statementTimeoutMs: number
  readonly lockTimeoutMs: number
  readonly requestTimeoutMs: number
  readonly maxRequestBytes: number
  readonly maxResponseBytes: number
  readonly maxBatch: number
  readonly passwordMode: boolean
  /** Users who may use password mode; empty means all. */
  readonly passwordUsers: ReadonlySet<string>
  readonly passwordSessions: number
  readonly passwordIdleTimeoutMs: number
}

/** Every problem of a configuration, one line each; no line holds a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(problems.join('\n'))
    this.problems = problems
  }
}

/**
 * Reads the configuration from environment variables, or from the files that `<name>_FILE` names.
 *
 * Unknown names that begin with `ROWPASS_` are problems too: a misspelt limit must not vanish.
 * @throws ConfigError with all problems
 */
export function parseGatewayConfig(env: Readonly<Record<string, string | undefined>>): GatewayConfig {
  const problems = unknownNames(env)
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries(settings)) {
    try {
      values[name] = parseSetting(name, setting, env)
    } catch (error) {
      problems.push(`${name} ${error instanceof TypeError ? error.message : 'cannot be read'}`)
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return toConfig(values as Values)
}

/** The configuration as lines `NAME=value`, secrets as `***`. */
export function printGatewayConfig(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries<Setting<unknown>>(settings).map(([name, setting]) => {
    const text = env[name] ?? (env[`${name}_FILE`] === undefined ? setting.default : `@${env[`${name}_FILE`]}`)
    return `${name}=${text !== undefined && setting.secret ? '***' : (text ?? '')}`
  })
}

function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(Object.keys(settings).flatMap((name) => [name, `${name}_FILE`]))
  return Object.keys(env)
    .filter((name) => name.startsWith('ROWPASS_') && !known.has(name))
    .map((name) => `${name} is not a setting`)
}

function parseSetting(
  name: string,
  setting: Setting<unknown>,
  env: Readonly<Record<string, string | undefined>>,
): unknown {
  const file = env[`${name}_FILE`]
  if (env[name] !== undefined && file !== undefined) throw new TypeError('is given as a value and as a file')
  const text = file === undefined ? (env[name] ?? setting.default) : readFileSync(file, 'utf8').trim()
  if (text === undefined) throw new TypeError('is missing')
  return setting.parse(text)
}

function toConfig(values: Values): GatewayConfig {
  const url = values.ROWPASS_DATABASE_URL
  const database = decodeURIComponent(url.pathname.slice(1))
  return Object.freeze({
    databaseUrl: url,
    databases: new Set([database, ...values.ROWPASS_DATABASE_ALIASES]),
    sealKeys: values.ROWPASS_SEAL_KEYS,
    issuers: values.ROWPASS_ISSUERS,
    allowPrivateJwks: values.ROWPASS_PRIVATE_JWKS,
    jwksMinSeconds: values.ROWPASS_JWKS_MIN_SECONDS,
    jwksMaxSeconds: values.ROWPASS_JWKS_MAX_SECONDS,
    jwksStaleSeconds: values.ROWPASS_JWKS_STALE_SECONDS,
    host: values.ROWPASS_HOST,
    port: values.ROWPASS_PORT,
    metricsPort: values.ROWPASS_METRICS_PORT,
    corsOrigins: values.ROWPASS_CORS_ORIGINS,
    poolSize: values.ROWPASS_POOL_SIZE,
    pipelineDepth: values.ROWPASS_PIPELINE_DEPTH,
    preparedStatements: values.ROWPASS_PREPARED_STATEMENTS,
    queueLimit: values.ROWPASS_QUEUE_LIMIT,
    queueTimeoutMs: values.ROWPASS_QUEUE_TIMEOUT_MS,
    identityLimit: values.ROWPASS_IDENTITY_LIMIT,
    connectTimeoutMs: values.ROWPASS_CONNECT_TIMEOUT_MS,
    statementTimeoutMs: values.ROWPASS_STATEMENT_TIMEOUT_MS,
    lockTimeoutMs: values.ROWPASS_LOCK_TIMEOUT_MS,
    requestTimeoutMs: values.ROWPASS_REQUEST_TIMEOUT_MS,
    maxRequestBytes: values.ROWPASS_MAX_REQUEST_BYTES,
    maxResponseBytes: values.ROWPASS_MAX_RESPONSE_BYTES,
    maxBatch: values.ROWPASS_MAX_BATCH,
    passwordMode: values.ROWPASS_PASSWORD_MODE,
    passwordUsers: values.ROWPASS_PASSWORD_USERS,
    passwordSessions: values.ROWPASS_PASSWORD_SESSIONS,
    passwordIdleTimeoutMs: values.ROWPASS_PASSWORD_IDLE_TIMEOUT_MS,
  })
}
