/**
 * The gateway's configuration: one parser for all settings that reports every problem at once.
 */
import { readFileSync } from 'node:fs'
import type { SealKey } from '../seal/seal.ts'
import type { TrustedIssuer } from '../token/issuer-settings.ts'
import { type Setting, type SettingValues, settings } from './settings.ts'

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
  /** Names of hosts that are answered besides loopback's; empty means all. */
  readonly hosts: ReadonlySet<string>
  readonly port: number
  readonly metricsPort: number
  readonly corsOrigins: ReadonlySet<string>
  readonly poolSize: number
  /** Gateways that share the login, this one included. */
  readonly gateways: number
  readonly pipelineDepth: number
  readonly slowLimit: number
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
  readonly maxHeldBytes: number
  readonly maxStatementLength: number
  readonly maxBatch: number
  /** Plans tell token holders of rows that the policies hide. */
  readonly allowExplain: boolean
  readonly passwordMode: boolean
  /** Users who may use password mode; empty means all. */
  readonly passwordUsers: ReadonlySet<string>
  readonly passwordSessions: number
  readonly passwordIdleTimeoutMs: number
  readonly passwordFailureSeconds: number
  readonly passwordPairFailures: number
  readonly passwordAddressFailures: number
  readonly passwordUserFailures: number
  /** By lower-case name; undefined when the client is the other end of the connection. */
  readonly addressHeader: string | undefined
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
  return toConfig(values as SettingValues)
}

/** The configuration as lines `NAME=value`, secrets as `***`, and behind `#` what a value comes to. */
export function printGatewayConfig(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries<Setting<unknown>>(settings).flatMap(([name, setting]) => {
    const text = env[name] ?? (env[`${name}_FILE`] === undefined ? setting.default : `@${env[`${name}_FILE`]}`)
    return [`${name}=${text !== undefined && setting.secret ? '***' : (text ?? '')}`, ...explain(name, setting, env)]
  })
}

/** Nothing where the value is wrong: that is for the parser to say. */
function explain(name: string, setting: Setting<unknown>, env: Readonly<Record<string, string | undefined>>): string[] {
  try {
    return (setting.explain?.(parseSetting(name, setting, env)) ?? []).map((line) => `# ${line}`)
  } catch {
    return []
  }
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

function toConfig(values: SettingValues): GatewayConfig {
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
    hosts: values.ROWPASS_HOSTS,
    port: values.ROWPASS_PORT,
    metricsPort: values.ROWPASS_METRICS_PORT,
    corsOrigins: values.ROWPASS_CORS_ORIGINS,
    poolSize: values.ROWPASS_POOL_SIZE,
    gateways: values.ROWPASS_GATEWAYS,
    pipelineDepth: values.ROWPASS_PIPELINE_DEPTH,
    slowLimit: values.ROWPASS_SLOW_LIMIT,
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
    maxHeldBytes: values.ROWPASS_MAX_HELD_BYTES,
    maxStatementLength: values.ROWPASS_MAX_STATEMENT_LENGTH,
    maxBatch: values.ROWPASS_MAX_BATCH,
    allowExplain: values.ROWPASS_ALLOW_EXPLAIN,
    passwordMode: values.ROWPASS_PASSWORD_MODE,
    passwordUsers: values.ROWPASS_PASSWORD_USERS,
    passwordSessions: values.ROWPASS_PASSWORD_SESSIONS,
    passwordIdleTimeoutMs: values.ROWPASS_PASSWORD_IDLE_TIMEOUT_MS,
    passwordFailureSeconds: values.ROWPASS_PASSWORD_FAILURE_SECONDS,
    passwordPairFailures: values.ROWPASS_PASSWORD_PAIR_FAILURES,
    passwordAddressFailures: values.ROWPASS_PASSWORD_ADDRESS_FAILURES,
    passwordUserFailures: values.ROWPASS_PASSWORD_USER_FAILURES,
    addressHeader: values.ROWPASS_ADDRESS_HEADER,
  })
}
