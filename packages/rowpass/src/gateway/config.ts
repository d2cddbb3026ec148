/**
 * The gateway's configuration: one parser for all settings that reports every problem at once.
 */
import { readFileSync } from 'node:fs'
import { type Setting, variableOf } from './setting-kinds.ts'
import { type SettingValues, settings } from './settings.ts'
import { countWorkers } from './workers/count.ts'

/** The parsed configuration of one gateway: every setting by its name, see docs/configuration.md. */
export interface GatewayConfig extends Omit<SettingValues, 'workers'> {
  /** Database names accepted in the connection string. */
  readonly databases: ReadonlySet<string>
  /** How many processes `rowpass gateway` starts; `createGateway` makes one gateway, whatever it is. */
  readonly workers: number
}

/** Settings as they are given: environment variables by name. */
export type GatewayEnv = Readonly<Record<string, string | undefined>>

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
 * @example
 * const config = parseGatewayConfig(process.env)
 * const gateway = createGateway(config)
 */
export function parseGatewayConfig(env: GatewayEnv): GatewayConfig {
  const problems = unknownNames(env)
  const values: Record<string, unknown> = {}
  for (const [name, setting] of Object.entries<Setting<unknown>>(settings)) {
    try {
      values[name] = parseSetting(variableOf(name), setting, env)
    } catch (error) {
      problems.push(`${variableOf(name)} ${error instanceof TypeError ? error.message : 'cannot be read'}`)
    }
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return toConfig(values as SettingValues)
}

/**
 * The same settings with what is in files in place of `<name>_FILE`, so that several processes have the same. A file that
 * cannot be read stays named: the parser says what is wrong.
 */
export function readSettingFiles(env: GatewayEnv): GatewayEnv {
  const read = { ...env }
  for (const name of variables) {
    const file = env[`${name}_FILE`]
    if (file === undefined || env[name] !== undefined) continue
    try {
      read[name] = readFileSync(file, 'utf8').trim()
      delete read[`${name}_FILE`]
    } catch {}
  }
  return read
}

/** The configuration as lines `NAME=value`, secrets as `***`, and behind `#` what a value comes to. */
export function printGatewayConfig(env: GatewayEnv): string[] {
  return Object.entries<Setting<unknown>>(settings).flatMap(([key, setting]) => {
    const name = variableOf(key)
    const text = env[name] ?? (env[`${name}_FILE`] === undefined ? setting.default : `@${env[`${name}_FILE`]}`)
    return [`${name}=${text !== undefined && setting.secret ? '***' : (text ?? '')}`, ...explain(name, setting, env)]
  })
}

/** Nothing where the value is wrong: that is for the parser to say. */
function explain(name: string, setting: Setting<unknown>, env: GatewayEnv): string[] {
  try {
    return (setting.explain?.(parseSetting(name, setting, env)) ?? []).map((line) => `# ${line}`)
  } catch {
    return []
  }
}

const variables = Object.keys(settings).map(variableOf)

function unknownNames(env: GatewayEnv): string[] {
  const known = new Set(variables.flatMap((name) => [name, `${name}_FILE`]))
  return Object.keys(env)
    .filter((name) => name.startsWith('ROWPASS_') && !known.has(name))
    .map((name) => `${name} is not a setting`)
}

function parseSetting(name: string, setting: Setting<unknown>, env: GatewayEnv): unknown {
  const file = env[`${name}_FILE`]
  if (env[name] !== undefined && file !== undefined) throw new TypeError('is given as a value and as a file')
  const text = file === undefined ? (env[name] ?? setting.default) : readFileSync(file, 'utf8').trim()
  if (text === undefined) throw new TypeError('is missing')
  return setting.parse(text)
}

function toConfig(values: SettingValues): GatewayConfig {
  const database = decodeURIComponent(values.databaseUrl.pathname.slice(1))
  for (const { pathname } of values.replicaUrls) {
    if (decodeURIComponent(pathname.slice(1)) === database) continue
    throw new ConfigError([`${variableOf('replicaUrls')} has another database than ROWPASS_DATABASE_URL`])
  }
  return Object.freeze({
    ...values,
    databases: new Set([database, ...values.databaseAliases]),
    workers: workersOf(values),
  })
}

function workersOf({ workers, poolSize }: SettingValues): number {
  try {
    return countWorkers(workers, poolSize)
  } catch (error) {
    throw error instanceof TypeError ? new ConfigError([`${variableOf('workers')} ${error.message}`]) : error
  }
}
