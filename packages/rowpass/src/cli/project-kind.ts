/**
 * Finds out what a project is made with, by the files that are there. Runs none of them.
 */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Failure } from '../errors.ts'

/** A project that has tables already. */
export interface ExistingProject {
  readonly kind: 'supabase' | 'drizzle' | 'prisma' | 'sql'
  /** File or folder of its migrations, relative to the project. */
  readonly path: string
  /** Whether its path was given. */
  readonly isNamed: boolean
  /** Script that fills its tables, in the same way. */
  readonly seed: string | undefined
}

const drizzleConfigs = ['drizzle.config.ts', 'drizzle.config.js', 'drizzle.config.mjs', 'drizzle.config.json']
const plainPlaces = [
  'migrations',
  'db/migrations',
  'sql',
  'database/migrations',
  'schema.sql',
  'db/schema.sql',
  'structure.sql',
]
const seeds = ['supabase/seed.sql', 'seed.sql', 'db/seed.sql', 'prisma/seed.sql']

/**
 * Finds it out.
 *
 * @param path of the migrations, where they are named
 * @throws Failure `input_invalid` when there are none, or none at the path
 */
export function detectProject(directory: string, path: string | undefined): ExistingProject {
  const has = (name: string) => existsSync(join(directory, name))
  const seed = seeds.find(has)
  if (path !== undefined && !has(path))
    throw new Failure('input_invalid', { detail: `there is no file or folder ${path}` })
  const config = drizzleConfigs.find(has)
  const found = [
    has('supabase/config.toml') || has('supabase/migrations')
      ? { kind: 'supabase' as const, path: path ?? 'supabase/migrations' }
      : undefined,
    config !== undefined || has('drizzle/meta/_journal.json')
      ? { kind: 'drizzle' as const, path: path ?? drizzleFolder(directory, config) }
      : undefined,
    has('prisma/schema.prisma') || has('prisma/migrations')
      ? { kind: 'prisma' as const, path: path ?? 'prisma/migrations' }
      : undefined,
    { kind: 'sql' as const, path: path ?? plainPlaces.find((each) => has(each) && hasSql(directory, each)) ?? '' },
  ].find((each) => each !== undefined && has(each.path) && each.path !== '')
  if (found !== undefined) return { ...found, seed, isNamed: path !== undefined }
  const detail =
    'no migrations of Supabase, Drizzle or Prisma, and no .sql files in the usual places: name their folder or file'
  throw new Failure('input_invalid', { detail })
}

/** The configuration is a program of the project: its text is read, not run. */
function drizzleFolder(directory: string, config: string | undefined): string {
  const text = config === undefined ? '' : readFileSync(join(directory, config), 'utf8')
  const out = /["']?\bout["']?\s*:\s*(["'`])([^"'`$]+)\1/.exec(text)?.[2] ?? 'drizzle'
  return out.replace(/^\.\//, '').replace(/\/$/, '')
}

function hasSql(directory: string, place: string): boolean {
  if (place.endsWith('.sql')) return true
  return readdirSync(join(directory, place), { recursive: true, encoding: 'utf8' }).some((name) =>
    name.endsWith('.sql'),
  )
}
