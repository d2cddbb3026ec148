/**
 * `rowpass db grants`: the migration that drizzle-kit cannot write, FORCE and privileges, from the tables' declarations.
 */
import { execFile } from 'node:child_process'
import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import { Command } from 'commander'
import { Failure } from '../../errors.ts'
import { exitCodes, type Io, type SetExitCode } from '../io.ts'
import { loadSchema } from '../project-schema.ts'

const help = `
Reads the schema that drizzle.config.ts names and compares it with the newest migration of this kind; where they differ,
drizzle-kit makes a new one. Run it after "drizzle-kit generate". "rowpass db migrate" applies both.

Examples:
  $ npx drizzle-kit generate && npx rowpass db grants
  $ npx rowpass db grants --check`

/** What was done. */
export interface GrantsReport {
  /** Whether the newest migration says something else than the tables. */
  readonly outdated: boolean
  /** The migration that was written; undefined when none was. */
  readonly written: string | undefined
}

/** The shell side of the command. */
export function defineGrants(io: Io, setExitCode: SetExitCode): Command {
  return new Command('grants')
    .summary('write the migration with FORCE and the privileges')
    .option('--check', 'write nothing; exit code 1 when a migration is missing')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', help)
    .action(async ({ check, json }: { check?: true; json?: true }) => {
      const report = await writeGrants(io.cwd, check === true)
      if (json === true) io.stdout(`${JSON.stringify(report)}\n`)
      else io.stdout(`${sayGrants(report)}\n`)
      if (report.outdated && report.written === undefined) setExitCode(exitCodes.failed)
    })
}

/**
 * Writes the migration, when one is due.
 *
 * @param check whether to write nothing
 * @throws Failure `config_invalid` when the schema cannot be loaded, or drizzle-kit cannot be run
 */
export async function writeGrants(directory: string, check: boolean): Promise<GrantsReport> {
  const { values, migrationsFolder } = await loadSchema(directory)
  // It needs drizzle-orm, which the other commands do without.
  const { forceAndGrants, grantsMark } = await import('../../policies/force-and-grants.ts')
  const due = forceAndGrants(values)
  if (readNewest(migrationsFolder, grantsMark) === due) return { outdated: false, written: undefined }
  if (check) return { outdated: true, written: undefined }
  const before = new Set(listMigrations(migrationsFolder))
  await runDrizzleKit(directory)
  const [written] = listMigrations(migrationsFolder).filter((name) => !before.has(name))
  if (written === undefined) throw new Failure('config_invalid', { detail: 'drizzle-kit made no migration' })
  writeFileSync(join(migrationsFolder, written), due)
  return { outdated: true, written }
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
  return readdirSync(folder)
    .filter((name) => /^\d{4}_.*\.sql$/.test(name))
    .sort()
}

/** It keeps a journal and a snapshot beside each file. */
async function runDrizzleKit(directory: string): Promise<void> {
  try {
    const entry = createRequire(join(directory, 'package.json')).resolve('drizzle-kit')
    const kit = join(dirname(entry), 'bin.cjs')
    await promisify(execFile)(process.execPath, [kit, 'generate', '--custom', '--name=force_and_grants'], {
      cwd: directory,
    })
  } catch (error) {
    throw new Failure('config_invalid', { detail: 'drizzle-kit cannot be run in this folder', cause: error })
  }
}
