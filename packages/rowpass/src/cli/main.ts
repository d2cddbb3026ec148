/**
 * The command line: names the commands, and loads only the one that is asked for.
 */
import { Command, CommanderError } from 'commander'
import { readVersion } from '../version.ts'
import { exitCodes, type Io, type SetExitCode } from './io.ts'
import { loadLocal } from './local.ts'
import { ownProcess } from './process-io.ts'
import { renderError } from './render-error.ts'

/** What each file in `commands/` exports. */
interface CommandModule {
  define(io: Io, setExitCode: SetExitCode): Command
}

/** A command before it is loaded. */
interface Entry {
  readonly summary: string
  readonly load: () => Promise<CommandModule>
}

/** What people begin with: the first screen of the help, in its order. `rowpass help all` goes on with the others. */
const first = ['init', 'doctor', 'why', 'matrix', 'review', 'test', 'gateway', 'local', 'mcp']

/** Every command by its name. A new one is a line here. */
export const commands: Readonly<Record<string, Entry>> = {
  init: { summary: 'begin in a project that is there', load: () => import('./commands/init.ts') },
  doctor: { summary: 'find faults in row-level security', load: () => import('./commands/doctor.ts') },
  why: { summary: 'explain what a statement does for an identity', load: () => import('./commands/why.ts') },
  matrix: { summary: 'try what each identity may do with each table', load: () => import('./commands/matrix.ts') },
  review: { summary: 'who gains or loses which rows by a change', load: () => import('./commands/review.ts') },
  test: { summary: 'write tests of policies, and test the tests', load: () => import('./commands/test.ts') },
  gateway: { summary: 'run the SQL gateway alone', load: () => import('./commands/gateway.ts') },
  local: { summary: 'a database and a gateway for one command, or until Ctrl-C', load: () => fromLocal('local') },
  dev: { summary: 'run everything on this machine: database, gateway, API', load: () => fromLocal('dev') },
  mcp: { summary: 'let an assistant on this machine use a gateway', load: () => import('./commands/mcp.ts') },
  audit: { summary: 'who read what through which agent, by the log', load: () => import('./commands/audit.ts') },
  db: { summary: 'prepare a database: migrate, seed, harden', load: () => import('./commands/db.ts') },
  status: { summary: 'a database as it is, and what is to be done', load: () => import('./commands/status.ts') },
  keys: { summary: 'make signing keys, rotate and revoke them', load: () => import('./commands/keys.ts') },
  token: { summary: 'sign a token', load: () => import('./commands/token.ts') },
  env: { summary: 'print where the running system is', load: () => import('./commands/env.ts') },
  explain: { summary: 'what an error or a finding means, and what to do', load: () => import('./commands/explain.ts') },
  issuer: { summary: 'check an issuer; install the tables of our own', load: () => import('./commands/issuer.ts') },
  clients: { summary: 'choose who may ask for tokens', load: () => import('./commands/clients.ts') },
  users: { summary: 'invite people, and sign them out', load: () => import('./commands/users.ts') },
  'deploy-check': {
    summary: 'stop a deployment that would leak secrets',
    load: () => import('./commands/deploy-check.ts'),
  },
}

/** A command of a package that is optional. */
async function fromLocal(name: 'dev' | 'local'): Promise<CommandModule> {
  const { commands } = await loadLocal()
  return { define: commands[name] }
}

const help = `
Examples:
  $ npx rowpass doctor schema.sql
  $ npx rowpass why --as david@neon.example "select name from users"
  $ npx rowpass explain policy_refused
  $ npx rowpass help all

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 nothing runs in this folder; some commands have more, see their help.`

/**
 * Runs one command.
 *
 * Never throws and never ends the process: failures are rendered to standard error.
 *
 * @param argv arguments after the program's name
 * @returns the exit code, see `exitCodes`
 */
export async function main(argv: readonly string[], io: Io): Promise<number> {
  let code: number = exitCodes.done
  const { all, words } = readHelpWords(argv)
  const program = styled(new Command('rowpass'), io)
    .description('Your own JWTs, enforced by Postgres: SQL over HTTP as the identity in a verified token.')
    .version(readVersion(), '-v, --version', 'print the version')
    .helpCommand('help [all|command]', 'every command, or the help of one')
    .addHelpText('after', help)
  try {
    for (const [name, { summary, load }] of inOrder()) {
      const command = name === words[0] ? (await load()).define(io, setCode) : new Command(name)
      program.addCommand(styled(command.summary(summary), io), { hidden: !all && !first.includes(name) })
    }
    if (argv.length === 0) program.help({ error: true })
    await program.parseAsync(words, { from: 'user' })
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.done : exitCodes.usage
    renderError(io, error)
    return exitCodes.failed
  }
  return code

  function setCode(value: number): void {
    code = value
  }
}

/**
 * Runs the command that this process was started with, and ends the process.
 *
 * @param before arguments in front of those of the process
 */
export async function runMain(...before: readonly string[]): Promise<void> {
  const { io, argv, end } = ownProcess()
  await end(await main([...before, ...argv], io))
}

/** Commands as the help has them: those of the first screen before the others. */
export function inOrder(): [string, Entry][] {
  const place = (name: string): number => (first.includes(name) ? first.indexOf(name) : first.length)
  return Object.entries(commands).sort(([one], [other]) => place(one) - place(other))
}

/** `help all` is the help with every command; the help of one command is its own, which has to be loaded for it. */
function readHelpWords(argv: readonly string[]): { all: boolean; words: string[] } {
  const [word, ...names] = argv
  if (word !== 'help') return { all: false, words: [...argv] }
  if (names[0] === 'all') return { all: true, words: ['--help'] }
  return {
    all: false,
    words: names[0] !== undefined && Object.hasOwn(commands, names[0]) ? [...names, '--help'] : [...argv],
  }
}

/** Everything that commander prints goes through `io`, and nothing ends the process. */
function styled(command: Command, io: Io): Command {
  command.exitOverride().showHelpAfterError('Run it with --help to see what it takes.')
  command.configureOutput({
    writeOut: (text) => io.stdout(text),
    writeErr: (text) => io.stderr(text),
    getOutHasColors: () => io.colours,
  })
  for (const each of command.commands) styled(each, io)
  return command
}
