/**
 * Loads the tables of a project: the modules that its `drizzle.config.ts` names.
 */
import { existsSync, lstatSync } from 'node:fs'
import { createRequire } from 'node:module'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import { glob } from 'tinyglobby'
import { Failure } from '../errors.ts'

/** What drizzle-kit knows of a project. */
export interface ProjectSchema {
  /** Everything that the schema modules export, by module and name: two modules may use the same one. */
  readonly values: Readonly<Record<string, unknown>>
  /** The folder of the migrations. */
  readonly migrationsFolder: string
}

const configNames = ['drizzle.config.ts', 'drizzle.config.js']

/**
 * Loads a project's tables. Runs its modules, as drizzle-kit does.
 *
 * @throws Failure `config_invalid` when there is no configuration, or it names no schema, or none that is there
 */
export async function loadSchema(directory: string): Promise<ProjectSchema> {
  const config = configNames.map((name) => join(directory, name)).find((path) => existsSync(path))
  if (config === undefined) throw new Failure('config_invalid', { detail: `${directory} has no ${configNames[0]}` })
  const { schema, out = './drizzle' } = parseConfig(config, await load(directory, config))
  const files = await findModules(directory, schema)
  if (files.length === 0) {
    throw new Failure('config_invalid', { detail: `${config}: there is no module at ${schema.join(', ')}` })
  }
  const modules = await Promise.all(files.map(async (file) => [file, await load(directory, file)] as const))
  const values = modules.flatMap(([file, module]) =>
    Object.entries(module).map(([name, value]) => [`${file} ${name}`, value] as const),
  )
  return { values: Object.fromEntries(values), migrationsFolder: resolve(directory, out) }
}

/** As drizzle-kit reads them: files, patterns, and folders, of which it takes the files but not those further down. */
async function findModules(directory: string, schema: readonly string[]): Promise<string[]> {
  const patterns = schema.map((path) => {
    const folder = lstatSync(resolve(directory, path), { throwIfNoEntry: false })?.isDirectory()
    return folder === true ? `${path.replace(/\/$/, '')}/*` : path
  })
  const files = await glob(patterns, { cwd: directory, absolute: true, expandDirectories: false })
  return files.filter((file) => /\.[mc]?[jt]s$/.test(file)).sort()
}

function parseConfig(path: string, module: object): { schema: string[]; out?: string } {
  const config: unknown = 'default' in module ? module.default : undefined
  const given = typeof config === 'object' && config !== null ? config : {}
  const schema = 'schema' in given ? [given.schema].flat() : []
  const paths = schema.filter((each): each is string => typeof each === 'string')
  if (paths.length === 0 || paths.length < schema.length) {
    throw new Failure('config_invalid', { detail: `${path}: schema must be one path or a list of them` })
  }
  return { schema: paths, ...('out' in given && typeof given.out === 'string' && { out: given.out }) }
}

async function load(directory: string, path: string): Promise<object> {
  try {
    if (/\.[mc]?ts$/.test(path)) await learnTypeScript(directory)
    return await import(pathToFileURL(path).href)
  } catch (error) {
    throw unreadable(path, error)
  }
}

/** Newer versions of Node read TypeScript themselves; for Node 20 the project needs tsx. */
async function learnTypeScript(directory: string): Promise<void> {
  if ((process.features as { typescript?: unknown }).typescript) return
  const tsx = createRequire(join(directory, 'package.json')).resolve('tsx/esm/api')
  // What a CommonJS require finds cannot register; the module beside it can.
  const { register } = await import(new URL('index.mjs', pathToFileURL(tsx)).href)
  register()
}

function unreadable(path: string, error: unknown): Failure {
  const reason = error instanceof Error ? error.message : String(error)
  return new Failure('config_invalid', { detail: `${path} cannot be loaded: ${reason}`, cause: error })
}
