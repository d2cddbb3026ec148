/**
 * The gateway's configuration: one parser for all settings that reports every problem at once.
 */
import { readFileSync } from 'node:fs'
import { type Setting, variableOf } from './setting-kinds.ts'
import { type SettingValues, settings } from './settings.ts'

/** The parsed configuration of one gateway: every setting by its name, see docs/configuration.md. */
export interface GatewayConfig extends SettingValues {
  /** Database names accepted in the connection string. */
  readonly databases: ReadonlySet<string>
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
 * @example
 * const config = parseGatewayConfig(process.env)
 * const gateway = createGateway(config)
 */
export function parseGatewayConfig(env: Readonly<Record<string, string | undefined>>): GatewayConfig {
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

/** The configuration as lines `NAME=value`, secrets as `***`, and behind `#` what a value comes to. */
export function printGatewayConfig(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries<Setting<unknown>>(settings).flatMap(([key, setting]) => {
    const name = variableOf(key)
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

const variables = Object.keys(settings).map(variableOf)

function unknownNames(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = new Set(variables.flatMap((name) => [name, `${name}_FILE`]))
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
  const database = decodeURIComponent(values.databaseUrl.pathname.slice(1))
  return Object.freeze({ ...values, databases: new Set([database, ...values.databaseAliases]) })
}
