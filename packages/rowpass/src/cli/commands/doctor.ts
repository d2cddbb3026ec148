/**
 * `rowpass doctor`: finds faults in the row-level security of a database.
 */
import { existsSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import {
  acceptFinding,
  acceptFindings,
  applyBaseline,
  baselineName,
  readBaseline,
  type SortedFindings,
} from '../../doctor/baseline.ts'
import { type Level, levels } from '../../doctor/finding.ts'
import { writeMigration } from '../../doctor/migration.ts'
import { type PlatformName, platformNames } from '../../doctor/platforms.ts'
import { toJson } from '../../doctor/report/json.ts'
import { toSarif } from '../../doctor/report/sarif.ts'
import { rules } from '../../doctor/rules.ts'
import { runDoctor } from '../../doctor/run.ts'
import { Failure } from '../../errors.ts'
import { withSteadyName } from '../../scratch/server.ts'
import { readVersion } from '../../version.ts'
import { findDefinitions } from '../definitions.ts'
import { describeRule, renderDiagnosis } from '../doctor-report.ts'
import { exitCodes, type Io, type SetExitCode } from '../io.ts'
import { isWrongUsage, renderError } from '../render-error.ts'
import { withSubject } from '../script-database.ts'

const help = `
Reads the catalogs of a PostgreSQL 15 to 18, with or without the rest of Rowpass, in one read-only transaction, and judges
tables, policies, roles, grants, functions and views. docs/rules.md lists the rules. Then it tries as the roles of requests
what they see without claims, and looks at plans of slow policies; --catalogs-only leaves that out. Nothing is changed.

Without --fix, statements in the report are proposals. --fix runs each in a transaction that is rolled back, with what every
login and role could do before, and writes those that break nothing; the rest become questions. Until it is rolled back, the
transaction keeps others from the tables that it changes, for half a minute or so: of a database in use, take a copy.

The database is --database-url, else OWNER_DATABASE_URL, else the one that runs in this folder. A URL on the command line
can be seen by other users of the machine: prefer the variable.

With a path, it is what files make: a .sql file, a dump as SQL, a folder of migrations (Drizzle, Supabase, Prisma or plain), or
a project. They run in a database that is thrown away, on the server of --database-url or OWNER_DATABASE_URL, else on an
embedded one (@rowpass/local). What they take for granted is made up, and said. docs/review.md has more.

Exit codes: 0 nothing at or above --fail-on, 1 findings, 2 wrong usage, 3 nothing runs in this folder,
4 the database could not be examined.

Examples:
  $ OWNER_DATABASE_URL=postgresql://postgres:secret@localhost/app npx rowpass doctor
  $ npx rowpass doctor --json --fail-on error
  $ npx rowpass doctor schema.sql
  $ npx rowpass doctor supabase
  $ npx rowpass doctor --fix --out fix.sql
  $ npx rowpass doctor --measure --claims '{"sub":"2e7e25e8-5445-40bd-8f89-dc19bba64faa"}'
  $ npx rowpass doctor accept RLS012:public.countries:countries_read --reason "for everybody"
  $ npx rowpass doctor accept --all --reason "as it was when we began"
  $ npx rowpass doctor explain RLS032`

interface Options {
  readonly databaseUrl?: string
  readonly role?: readonly string[]
  readonly rule?: readonly string[]
  readonly profile?: PlatformName | 'none'
  readonly json?: true
  readonly sarif?: true
  readonly failOn: Level
  readonly baseline: string
  readonly fix?: true
  readonly out?: string
  readonly catalogsOnly?: true
  readonly measure?: true
  readonly claims?: string
}

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  const doctor = new Command('doctor')
    .argument('[path...]', 'files of SQL or folders of migrations to examine, instead of a database')
    .option('--database-url <url>', 'the database to examine; with a path, the server to run it on')
    .option('--role <name...>', 'roles that requests run as (default: found out)')
    .option('--rule <code...>', 'only these rules')
    .addOption(
      new Option('--profile <name>', 'the platform whose defaults are said once (default: found out)').choices([
        ...platformNames,
        'none',
      ]),
    )
    .addOption(new Option('--fail-on <level>', 'exit with 1 from this level on').choices(levels).default('warning'))
    .option('--baseline <file>', 'accepted findings', baselineName)
    .option('--json', 'print the diagnosis as JSON')
    .option('--sarif', 'print the findings as SARIF 2.1.0')
    .option('--fix', 'try the fixes and write a migration of those that break nothing; the database is not changed')
    .option('--out <file>', 'file for --fix (default: standard output); never overwritten')
    .option('--catalogs-only', 'read catalogs and nothing else: try nothing as the roles of requests')
    .option('--measure', 'run slow policies against their better forms, on the rows of the database, read-only')
    .option('--claims <json>', 'claims of the caller, for --measure')
    .addHelpText('after', help)
    .action(async (paths: string[], options: Options) => setExitCode(await examine(io, paths, options)))
  doctor
    .command('accept [key]')
    .summary('accept one finding, or all of today')
    .requiredOption('--reason <text>', 'why it is right as it is')
    .option('--all', 'accept all errors and warnings of today, as a baseline for a project that begins with the doctor')
    .addHelpText(
      'after',
      '\nThe options --baseline, --database-url, --role and --profile are those of "rowpass doctor".' +
        '\n\nExamples:\n  $ npx rowpass doctor accept RLS012:public.countries:countries_read --reason "for everybody"' +
        '\n  $ npx rowpass doctor accept --all --reason "as it was when we began"',
    )
    // What "doctor" has for an option is never the subcommand's.
    .action(async (key: string | undefined, _: unknown, command: Command) =>
      setExitCode(await accept(io, key, command.optsWithGlobals<AcceptOptions>())),
    )
  doctor
    .command('explain <code>')
    .summary('say what a rule looks for')
    .addHelpText('after', '\nExamples:\n  $ npx rowpass doctor explain RLS032')
    .action((code: string) => setExitCode(explain(io, code)))
  return doctor
}

async function examine(io: Io, paths: readonly string[], options: Options): Promise<number> {
  try {
    if (options.fix === true && options.catalogsOnly === true)
      throw new Failure('input_invalid', { detail: '--fix tries each fix, and --catalogs-only tries nothing' })
    const baseline = readBaseline(resolve(io.cwd, options.baseline))
    const diagnosis = await withSubject(io, { given: options.databaseUrl, paths }, async (databaseUrl) => {
      const found = await runDoctor({
        databaseUrl,
        ...(options.role && { roles: options.role }),
        ...(options.rule && { rules: options.rule }),
        ...(options.profile && { profile: options.profile }),
        ...(options.catalogsOnly && { catalogsOnly: true }),
        ...(options.fix && { fixes: { except: new Set(baseline.keys()) } }),
        ...(options.measure && { measure: { claims: parseClaims(options.claims) } }),
      })
      return paths.length === 0 ? found : withSteadyName(found, databaseUrl)
    })
    const judged = applyBaseline(
      diagnosis.findings,
      options.rule === undefined ? baseline : only(baseline, options.rule),
    )
    if (options.fix === true) writeFix(io, judged, options.out)
    else if (options.sarif === true) {
      const definitionOf = await findDefinitions(io.cwd, paths)
      io.stdout(`${JSON.stringify(toSarif(judged, { version: readVersion(), definitionOf }))}\n`)
    } else if (options.json === true) io.stdout(`${JSON.stringify(toJson(diagnosis, judged))}\n`)
    else io.stdout(renderDiagnosis(io, diagnosis, judged))
    const counting = levels.slice(0, levels.indexOf(options.failOn) + 1)
    return judged.open.some(({ level }) => counting.includes(level)) ? exitCodes.failed : exitCodes.done
  } catch (error) {
    return failed(io, error)
  }
}

function failed(io: Io, error: unknown): number {
  renderError(io, error)
  if (!(error instanceof Failure)) return exitCodes.unexamined
  if (error.code === 'not_running') return exitCodes.notRunning
  return isWrongUsage(error) ? exitCodes.usage : exitCodes.unexamined
}

/** Entries of rules that were not asked are not stale. */
function only(baseline: ReadonlyMap<string, string>, codes: readonly string[]): ReadonlyMap<string, string> {
  return new Map([...baseline].filter(([key]) => codes.some((code) => key.startsWith(`${code}:`))))
}

function parseClaims(text: string | undefined): Readonly<Record<string, unknown>> {
  if (text === undefined) return {}
  try {
    const claims: unknown = JSON.parse(text)
    if (typeof claims === 'object' && claims !== null && !Array.isArray(claims)) return { ...claims }
  } catch {
    // Refused below, like any other text that is no object.
  }
  throw new Failure('input_invalid', { detail: '--claims is not a JSON object' })
}

function writeFix(io: Io, { open }: SortedFindings, out: string | undefined): void {
  const path = out === undefined ? undefined : resolve(io.cwd, out)
  const { sql, fixed, left } = writeMigration(open, { drizzle: path?.includes('/drizzle/') === true })
  if (path === undefined) io.stdout(sql)
  else if (existsSync(path)) throw new Failure('input_invalid', { detail: `${out} exists, and is not overwritten` })
  else if (sql !== '') writeFileSync(path, sql, { flag: 'wx' })
  io.stderr(`${fixed.length} findings fixed by it, ${left.length} need a person\n`)
}

interface AcceptOptions {
  readonly reason: string
  readonly all?: true
  readonly databaseUrl?: string
  readonly role?: readonly string[]
  readonly profile?: PlatformName | 'none'
  readonly baseline: string
}

async function accept(io: Io, key: string | undefined, { reason, all, baseline, ...options }: AcceptOptions) {
  if ((key === undefined) === (all === undefined) || reason.trim() === '') {
    io.stderr('Name one key, as in the report, or --all; and a reason has words.\n')
    return exitCodes.usage
  }
  const path = resolve(io.cwd, baseline)
  if (key === undefined) return acceptAll(io, path, { reason: reason.trim(), baseline, ...options })
  if (!rules.some(({ code }) => key.startsWith(`${code}:`))) {
    io.stderr('A key begins with the code of a rule, as in the report.\n')
    return exitCodes.usage
  }
  acceptFinding(path, key, reason.trim())
  io.stdout(`accepted ${key} in ${baseline}\n`)
  return exitCodes.done
}

async function acceptAll(io: Io, path: string, { reason, baseline, databaseUrl, role, profile }: AcceptOptions) {
  try {
    const { findings } = await withSubject(io, { given: databaseUrl, paths: [] }, (url) =>
      runDoctor({ databaseUrl: url, ...(role && { roles: role }), ...(profile && { profile }) }),
    )
    const loud = findings.filter(({ level }) => level !== 'info')
    const counts = acceptFindings(path, loud, reason)
    for (const [code, count] of counts) {
      const title = rules.find((rule) => rule.code === code)?.title ?? ''
      io.stdout(`${String(count).padStart(5)}  ${code}  ${title}\n`)
    }
    const total = [...counts.values()].reduce((sum, count) => sum + count, 0)
    io.stdout(`accepted ${total} findings in ${baseline}; ${loud.length - total} were accepted before\n`)
    return exitCodes.done
  } catch (error) {
    return failed(io, error)
  }
}

function explain(io: Io, code: string): number {
  const rule = rules.find((each) => each.code === code.toUpperCase())
  if (rule === undefined) {
    io.stderr(`There is no rule ${JSON.stringify(code)}; docs/rules.md lists them.\n`)
    return exitCodes.usage
  }
  io.stdout(describeRule(rule))
  return exitCodes.done
}
