/**
 * `rowpass test mutate`: weakens the policies one by one, and reports what no test noticed.
 */
import { Command, InvalidArgumentError } from 'commander'
import { type MutationReport, mutate, type TriedWeakening } from '../../testing/mutate.ts'
import { namedDatabase } from '../chosen-database.ts'
import { bold, dim, exitCodes, type Io, red, type SetExitCode } from '../io.ts'

const help = `
Copies the database on its server, weakens one thing in the copy, runs the command against it and drops the copy,
and so on for each policy and table. The database itself is not written to. First the command has to succeed on an unchanged copy.

The login must be allowed to create databases (a superuser, or CREATEDB and owner of everything), and while the copy is
made, no one else may be connected. Settings and rights of the database itself are not copied. The command gets the URL
of its copy in DATABASE_URL; --database-url, else OWNER_DATABASE_URL, names the original. A URL on the command line can be
seen by other users of the machine: prefer the variable.

Exit codes: 0 every weakening was noticed, 1 some were not, or failed, 2 wrong usage.

Examples:
  $ npx rowpass test mutate -- npx vitest run test/isolation.test.ts
  $ npx rowpass test mutate --only users --jobs 4 --json -- node --test test/policies`

interface Options {
  readonly databaseUrl?: string
  readonly env: readonly string[]
  readonly only?: string
  readonly jobs: number
  readonly timeout: number
  readonly json?: true
}

/** The shell side of the command. */
export function defineMutate(io: Io, setExitCode: SetExitCode): Command {
  return new Command('mutate')
    .summary('weaken each policy, and see whether the tests notice')
    .argument('<command...>', 'what runs the tests, after --')
    .option('--database-url <url>', 'the database to copy')
    .option('--env <name...>', 'variables that get the URL of the copy', ['DATABASE_URL'])
    .option('--only <text>', 'only tables and policies whose name contains this')
    .option('--jobs <n>', 'copies that are tested at once, 1 to 16', between(1, 16), 2)
    .option(
      '--timeout <seconds>',
      'for each run of the tests; one that takes longer has noticed',
      between(1, 3600),
      300,
    )
    .option('--json', 'print the result as JSON')
    .addHelpText('after', help)
    .action((command: readonly string[], options: Options) => mutateCommand(io, command, options, setExitCode))
}

async function mutateCommand(
  io: Io,
  argv: readonly string[],
  options: Options,
  setExitCode: SetExitCode,
): Promise<void> {
  const { env, only, jobs, timeout, json } = options
  const report = await mutate({
    databaseUrl: namedDatabase(io, options.databaseUrl),
    command: { argv, cwd: io.cwd, env: io.env, urlNames: env, timeoutMs: timeout * 1000, signal: io.signal },
    jobs,
    ...(only !== undefined && { only }),
    onProgress: (judged, done, total) =>
      io.stderr(`${done}/${total} ${say(judged)} (${judged.seconds.toFixed(1)} s)\n`),
  })
  io.stdout(json === true ? `${JSON.stringify(report)}\n` : render(io, report))
  if (report.survived > 0) setExitCode(exitCodes.failed)
}

function say({ table, policy, says, outcome }: TriedWeakening): string {
  return `${outcome}: ${table}${policy === undefined ? '' : `, policy ${policy}`}: ${says}`
}

function render(io: Io, { weakenings, noticed, survived }: MutationReport): string {
  const lines = weakenings
    .filter(({ outcome }) => outcome === 'survived')
    .flatMap((each) => [red(io, say(each)), ...each.sql.map((statement) => dim(io, `  ${statement};`))])
  const score = `${noticed} of ${noticed + survived} weakenings were noticed by the tests`
  return [...lines, bold(io, score), ''].join('\n')
}

function between(least: number, most: number): (text: string) => number {
  return (text) => {
    const value = Number(text)
    if (Number.isInteger(value) && value >= least && value <= most) return value
    throw new InvalidArgumentError(`a whole number from ${least} to ${most}`)
  }
}
