/**
 * Finds the scripts that a path means, in the order in which they run: a file, or a folder of migrations as the usual tools
 * write it.
 */
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { Failure } from '../errors.ts'

/** A script to run. */
export interface Script {
  /** Path for people: as it was given, with what was found below it. */
  readonly name: string
  readonly text: string
  /** Whether it fills tables that others make: the seed of a project. */
  readonly isSeed: boolean
}

/** What a schema and its rows have at most; a dump with more is given as a database. */
const maxBytes = 256 * 1024 * 1024
const maxScripts = 10_000

/** Where projects keep their migrations, the first that is there; and what fills their tables afterwards. */
const places = ['supabase/migrations', 'drizzle', 'migrations', 'db/migrations', 'prisma/migrations', 'sql']
const seeds = ['supabase/seed.sql', 'seed.sql']

/**
 * Reads the scripts of paths.
 *
 * A folder is Drizzle's where it has `meta/_journal.json`, whose order counts, and a project where migrations are in one of
 * the usual places below it; then `seed.sql` comes last. Of any other, the `.sql` files, and `migration.sql` of its
 * sub-folders, come in the order of their names, numbers by their value; files that go back (`.down.sql`) are left out.
 *
 * @param directory that the paths start from
 * @throws Failure `input_invalid` when there is none, for what is no text of SQL, and for too much
 */
export function readScripts(directory: string, paths: readonly string[]): Script[] {
  const files = paths.flatMap((path) => listScripts(directory, path))
  const bytes = files.reduce((sum, file) => sum + statSync(resolve(directory, file)).size, 0)
  if (files.length > maxScripts || bytes > maxBytes) {
    const size = `${files.length} files with ${Math.ceil(bytes / 1024 / 1024)} MiB`
    throw new Failure('input_invalid', { detail: `${size} are more than ${maxScripts} or 256 MiB` })
  }
  return files.map((name) => ({
    name,
    text: readScript(resolve(directory, name), name),
    isSeed: /(^|[\\/])seed\.sql$/.test(name),
  }))
}

/** Paths of the scripts, relative to the directory where they lie in it. */
function listScripts(directory: string, path: string): string[] {
  const full = resolve(directory, path)
  const found = statSync(full, { throwIfNoEntry: false })
  if (found === undefined) throw new Failure('input_invalid', { detail: `there is no file or folder ${path}` })
  if (!found.isDirectory()) return [path]
  const files = listJournal(full) ?? listProject(full) ?? listFolder(full)
  if (files.length === 0) throw new Failure('input_invalid', { detail: `${path} has no .sql file` })
  return files.map((file) => relative(directory, file) || file)
}

function listJournal(folder: string): string[] | undefined {
  const journal = join(folder, 'meta/_journal.json')
  return existsSync(journal) ? readJournal(journal).map((tag) => join(folder, `${tag}.sql`)) : undefined
}

function listProject(folder: string): string[] | undefined {
  const place = places.map((each) => join(folder, each)).find((each) => existsSync(each))
  if (place === undefined) return undefined
  const seed = seeds.map((each) => join(folder, each)).find((each) => existsSync(each))
  return [...(listJournal(place) ?? listFolder(place)), ...(seed === undefined ? [] : [seed])]
}

function listFolder(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap((entry) => {
      if (entry.isFile()) return /\.sql$/.test(entry.name) && !/\.down\.sql$/.test(entry.name) ? [entry.name] : []
      return existsSync(join(folder, entry.name, 'migration.sql')) ? [join(entry.name, 'migration.sql')] : []
    })
    .sort((a, b) => a.localeCompare(b, 'en', { numeric: true }))
    .map((name) => join(folder, name))
}

function readJournal(path: string): string[] {
  try {
    const { entries } = JSON.parse(readFileSync(path, 'utf8')) as { entries: { idx: number; tag: string }[] }
    return entries.toSorted((a, b) => a.idx - b.idx).map(({ tag }) => String(tag))
  } catch (error) {
    throw new Failure('input_invalid', { detail: `${path} is no journal of drizzle-kit`, cause: error })
  }
}

function readScript(path: string, name: string): string {
  let bytes: Buffer
  try {
    bytes = readFileSync(path)
  } catch (error) {
    throw new Failure('input_invalid', { detail: `${name} cannot be read`, cause: error })
  }
  return toScript(bytes, name)
}

/**
 * The text of a script, without what takes it back where one file holds both ways (dbmate, goose).
 *
 * @throws Failure `input_invalid` for an archive of pg_dump, or what is no UTF-8
 */
export function toScript(bytes: Buffer, name: string): string {
  if (bytes.subarray(0, 5).toString('latin1') === 'PGDMP') {
    const detail = `${name} is an archive of pg_dump; make SQL of it: pg_restore --file schema.sql ${name}`
    throw new Failure('input_invalid', { detail })
  }
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(bytes)
    return text.split(/^--\s*(?:migrate:down|\+goose Down)\b/im, 1)[0] ?? ''
  } catch (error) {
    throw new Failure('input_invalid', { detail: `${name} is not UTF-8`, cause: error })
  }
}
