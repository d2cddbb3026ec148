/**
 * What a project folder and the environment say about how to run: the one place where the CLI reads its settings.
 */
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { parseEnv } from 'node:util'
import { parsePostgresUrl } from '../database/connect.ts'
import { errnoOf, isErrno } from '../database/private-files.ts'
import { Failure } from '../errors.ts'
import { variableOf } from '../gateway/setting-kinds.ts'
import { settings } from '../gateway/settings.ts'
import type { Io } from './io.ts'

/** Settings of a project, parsed. */
export interface Project {
  readonly directory: string
  /**
   * `.dev.vars` with the environment of the process over it; empty values are left out. Database URLs and settings of the
   * gateway that `<name>_FILE` names are read, and stand under their own names.
   */
  readonly env: Readonly<Record<string, string>>
  /** URL of the owner of a database elsewhere; undefined means the embedded one. */
  readonly ownerUrl: string | undefined
  /** Port of the API. */
  readonly port: number
  /** Port of the gateway. */
  readonly gatewayPort: number
  /** Private memory of each process of the embedded PostgreSQL, in MB; 0 is no limit, undefined the usual one. */
  readonly embeddedMemoryMb: number | undefined
  /** `iss` of the tokens that the API signs. */
  readonly issuer: string
  /** `aud` of the tokens that the API signs. */
  readonly audience: string
  /** Whether the API signs in seeded people without a password; on unless DEMO says otherwise. */
  readonly demo: boolean
  /** Whether the API says why it refused something or found so little, which counts hidden rows; off unless WHY says otherwise. */
  readonly why: boolean
}

/** Settings that may be in a file of their own. */
const fromFiles = ['OWNER_DATABASE_URL', 'ISSUER_DATABASE_URL', ...Object.keys(settings).map(variableOf)]
const defaultPort = 8787
const defaultGatewayPort = 4444

/**
 * Reads the settings of the folder that the command runs in.
 *
 * @throws Failure `config_invalid` that names the variable
 */
export function loadProject({ cwd, env: given }: Pick<Io, 'cwd' | 'env'>): Project {
  const env = withFiles(cwd, { ...readDevVars(cwd), ...withoutEmpty(given) })
  const port = parsePort(env, 'PORT', defaultPort)
  return {
    directory: cwd,
    env,
    ownerUrl: chooseOwner(env),
    port,
    gatewayPort: parsePort(env, 'GATEWAY_PORT', defaultGatewayPort),
    embeddedMemoryMb: parseMemory(env.EMBEDDED_MEMORY_MB),
    issuer: env.ISSUER ?? `http://127.0.0.1:${port}`,
    audience: env.AUDIENCE ?? 'rowpass',
    demo: env.DEMO !== 'false',
    why: env.DEMO !== 'false' && env.WHY === 'true',
  }
}

function readDevVars(directory: string): Record<string, string> {
  try {
    const text = readFileSync(join(directory, '.dev.vars'), 'utf8')
    if (text.startsWith('\ufeff')) {
      const detail =
        '.dev.vars begins with a byte order mark, which would hide its first setting: save it as UTF-8 without'
      throw new Failure('config_invalid', { detail })
    }
    return withoutEmpty(parseEnv(text))
  } catch (error) {
    if (error instanceof Failure) throw error
    if (isErrno(error, 'ENOENT')) return {}
    throw new Failure('config_invalid', { detail: '.dev.vars cannot be read', cause: error })
  }
}

/** `NAME=` stands for a variable that is not set, as everywhere in Rowpass. */
function withoutEmpty(env: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter((entry): entry is [string, string] => Boolean(entry[1])))
}

/** As the gateway does: else a key that is in a file would be taken for none, and another one be made in its place. */
function withFiles(directory: string, env: Readonly<Record<string, string>>): Record<string, string> {
  const result = { ...env }
  for (const name of fromFiles) {
    const file = result[`${name}_FILE`]
    if (file === undefined) continue
    if (result[name] !== undefined) {
      throw new Failure('config_invalid', { detail: `${name} is given as a value and as a file` })
    }
    delete result[`${name}_FILE`]
    try {
      result[name] = readFileSync(resolve(directory, file), 'utf8').trim()
    } catch (error) {
      throw new Failure('config_invalid', { detail: `${name}_FILE cannot be read (${errnoOf(error)})`, cause: error })
    }
  }
  return result
}

function parsePort(env: Readonly<Record<string, string>>, name: string, fallback: number): number {
  const text = env[name] ?? String(fallback)
  const port = Number(text)
  if (/^\d+$/.test(text) && port >= 1 && port <= 65_535) return port
  throw new Failure('config_invalid', { detail: `${name} is not a port from 1 to 65535` })
}

/** Less than 64 MB is not enough for the server to start. */
function parseMemory(text: string | undefined): number | undefined {
  if (text === undefined) return undefined
  const megabytes = Number(text)
  if (/^\d{1,7}$/.test(text) && (megabytes === 0 || megabytes >= 64)) return megabytes
  throw new Failure('config_invalid', {
    detail: 'EMBEDDED_MEMORY_MB is not a number of MB from 64 on, or 0 for no limit',
  })
}

/** OWNER_DATABASE_URL, or a DATABASE_URL that can log in. */
function chooseOwner(env: Readonly<Record<string, string>>): string | undefined {
  const { OWNER_DATABASE_URL: owner, DATABASE_URL: database } = env
  if (database === undefined) return owner && parseDirectUrl(owner, 'OWNER_DATABASE_URL').href
  const url = parsePostgresUrl(database, 'DATABASE_URL')
  if (owner === undefined) {
    if (url.password !== '') return parseDirectUrl(database, 'DATABASE_URL').href
    const detail =
      'DATABASE_URL has no password, so it is not an owner: set OWNER_DATABASE_URL too, or neither of the two'
    throw new Failure('config_invalid', { detail })
  }
  const ownerUrl = parseDirectUrl(owner, 'OWNER_DATABASE_URL')
  if (placeOf(url) !== placeOf(ownerUrl)) {
    const detail = 'OWNER_DATABASE_URL and DATABASE_URL name different servers or databases'
    throw new Failure('config_invalid', { detail })
  }
  return ownerUrl.href
}

/** Of two hosts that Neon offers for one database this is its pooler, and the one that its console shows first. */
const neonPooler = /^(ep-[^.]*)-pooler(?=\.)/

/** A migration takes locks and settings that a pooler in transaction mode hands to somebody else. */
function parseDirectUrl(text: string, name: string): URL {
  const url = parsePostgresUrl(text, name)
  if (neonPooler.test(url.hostname)) {
    throw new Failure('config_invalid', {
      detail: `${name} names the pooler of Neon: leave "-pooler" out of its host, for a direct connection`,
    })
  }
  return url
}

function placeOf(url: URL): string {
  return `${url.hostname.replace(neonPooler, '$1')}:${url.port || '5432'}${url.pathname}`
}
