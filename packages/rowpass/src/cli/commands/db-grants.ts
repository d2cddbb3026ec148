/**
 * `rowpass db grants`: the migration that drizzle-kit cannot write, FORCE and privileges, from the tables' declarations.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { Failure } from '../../errors.ts'
import { exitCodes, type Io, type SetExitCode } from '../io.ts'
import { loadSchema } from '../project-schema.ts'

const help = `
Reads the schema that drizzle.config.ts names and compares it with the newest migration of this kind; where they differ,
drizzle-kit makes a new one. Run it after "drizzle-kit generate", or use "rowpass db generate", which is both. "rowpass db
migrate" applies the migrations.

A table with a policy that "policies" of rowpass/policies has not written, such as Drizzle's pgPolicy or Neon's crudPolicy,
ends it before anything is written: nothing says which privileges that needs. With --except the table is left as it is.

Examples:
  $ npx drizzle-kit generate && npx rowpass db grants
  $ npx rowpass db grants --except todos --except users
  $ npx rowpass db grants --check`

const generateHelp = `
Runs "drizzle-kit generate", and writes the migration with FORCE and the privileges where one is due. First of all it looks
whether that can be written, so that nothing is left half done. "rowpass db migrate" applies the migrations.

A table with a policy that "policies" of rowpass/policies has not written, such as Drizzle's pgPolicy or Neon's crudPolicy,
ends it before anything is written: nothing says which privileges that needs. With --except the table keeps the policies
that drizzle-kit writes for it, and no FORCE or privilege is written; those are yours to write, in a migration of their own.

Examples:
  $ npx rowpass db generate
  $ npx rowpass db generate --name notes
  $ npx rowpass db generate --except todos --except users`

/** What was done. */
export interface GrantsReport {
  /** Whether the newest migration says something else than the tables. */
  readonly outdated: boolean
  /** The migration that was written; undefined when none was. */
  readonly written: string | undefined
}

/** How it is done. */
interface GrantsChoice {
  /** Whether to write nothing. */
  readonly check?: true
  /** Tables that are left alone. */
  readonly except: readonly string[]
}

const except = [
  '--except <table>',
  'leave this table alone; may be given several times',
  (table: string, before: readonly string[]) => [...before, table],
  [] as readonly string[],
] as const

/** The shell side of the command. */
export function defineGrants(io: Io, setExitCode: SetExitCode): Command {
  return new Command('grants')
    .summary('write the migration with FORCE and the privileges')
    .option('--check', 'write nothing; exit code 1 when a migration is missing')
    .option(...except)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', help)
    .action(async ({ json, ...choice }: GrantsChoice & { json?: true }) => {
      const report = await writeGrants(io.cwd, choice)
      if (json === true) io.stdout(`${JSON.stringify(report)}\n`)
      else io.stdout(`${sayGrants(report)}\n`)
      if (report.outdated && report.written === undefined) setExitCode(exitCodes.failed)
    })
}

/** The shell side of the command that is both steps. */
export function defineGenerate(io: Io): Command {
  return new Command('generate')
    .summary('write migrations from the tables: drizzle-kit, then grants')
    .option('--name <name>', 'name of the migration of drizzle-kit')
    .option(...except)
    .option('--json', 'print the result as JSON')
    .addHelpText('after', generateHelp)
    .action(async ({ json, name, except }: { json?: true; name?: string; except: readonly string[] }) => {
      const { migrationsFolder } = await readDue(io.cwd, except)
      const before = new Set(listMigrations(migrationsFolder))
      await runDrizzleKit(io.cwd, name === undefined ? [] : [`--name=${name}`], io)
      await writeGrants(io.cwd, { except })
      const written = listMigrations(migrationsFolder).filter((each) => !before.has(each))
      if (json === true) io.stdout(`${JSON.stringify({ written })}\n`)
      else if (written.length === 0) io.stdout('the migrations say what the tables say\n')
      else for (const each of written) io.stdout(`wrote ${each}\n`)
    })
}

/**
 * Writes the migration, when one is due.
 *
 * @throws Failure `config_invalid` when the schema cannot be loaded, has a policy of which nobody knows what it needs, or
 *   drizzle-kit cannot be run
 */
export async function writeGrants(directory: string, { check, except }: GrantsChoice): Promise<GrantsReport> {
  const { due, mark, migrationsFolder } = await readDue(directory, except)
  if (readNewest(migrationsFolder, mark) === due) return { outdated: false, written: undefined }
  if (check) return { outdated: true, written: undefined }
  const before = new Set(listMigrations(migrationsFolder))
  await runDrizzleKit(directory, ['--custom', '--name=force_and_grants'])
  const [written] = listMigrations(migrationsFolder).filter((name) => !before.has(name))
  if (written === undefined) throw new Failure('config_invalid', { detail: 'drizzle-kit made no migration' })
  writeFileSync(join(migrationsFolder, written), due)
  return { outdated: true, written }
}

async function readDue(
  directory: string,
  except: readonly string[],
): Promise<{ due: string; mark: string; migrationsFolder: string }> {
  const { values, migrationsFolder } = await loadSchema(directory)
  // It needs drizzle-orm, which the other commands do without.
  const { forceAndGrants, grantsMark: mark } = await import('../../policies/force-and-grants.ts')
  try {
    return { due: forceAndGrants(values, { except }), mark, migrationsFolder }
  } catch (cause) {
    if (!(cause instanceof TypeError)) throw cause
    const detail = `${cause.message}. Write them with policies(), or leave such a table alone with --except <table>`
    throw new Failure('config_invalid', { detail, cause })
  }
}

function sayGrants({ outdated, written }: GrantsReport): string {
  if (written !== undefined) return `wrote ${written}`
  return outdated ? 'the newest migration does not say what the tables say' : 'the migrations say what the tables say'
}

function readNewest(folder: string, mark: string): string | undefined {
  const texts = listMigrations(folder).map((name) => readFileSync(join(folder, name), 'utf8').replaceAll('\r\n', '\n'))
  return texts.findLast((text) => text.startsWith(mark))
}

function listMigrations(folder: string): string[] {
  if (!existsSync(folder)) return []
  return readdirSync(folder)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort()
}

/**
 * It keeps a journal and a snapshot beside each file.
 *
 * @param io where it may ask its user: whether a column was renamed, for one
 */
async function runDrizzleKit(directory: string, argv: readonly string[], io?: Io): Promise<void> {
  const asks = io !== undefined && process.stdin.isTTY === true
  try {
    const entry = createRequire(join(directory, 'package.json')).resolve('drizzle-kit')
    const child = spawn(process.execPath, [join(dirname(entry), 'bin.cjs'), 'generate', ...argv], {
      cwd: directory,
      stdio: asks ? 'inherit' : ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream?.setEncoding('utf8').on('data', (text: string) => {
        said += text
        io?.stderr(text)
      })
    }
    const [code] = await once(child, 'close')
    if (code !== 0) throw new Error(said)
  } catch (error) {
    throw new Failure('config_invalid', { detail: 'drizzle-kit cannot be run in this folder', cause: error })
  }
}
