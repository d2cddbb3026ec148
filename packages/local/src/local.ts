/**
 * `rowpass-local`, or `rowpass local`: a database and a gateway for one command, or until they are asked to end.
 */
import { spawn } from 'node:child_process'
import { constants } from 'node:os'
import { Command } from 'commander'
import { Failure } from 'rowpass'
import { dim, exitCodes, type Io, type SetExitCode } from 'rowpass/operate'
import { type LocalSystem, startLocal } from './start.ts'

const help = `
Starts PostgreSQL, Rowpass's tables, your migrations and rows, a key that signs, and the gateway, which speaks the contract
of Neon's driver; then the command, with these variables; and ends all of it when the command has ended, with its exit code.
Without a command it runs until Ctrl-C.

  DATABASE_URL        role authenticated, no password: for clients that send a token
  OWNER_DATABASE_URL  the owner, with its password
  GATEWAY_URL         what neonConfig.fetchEndpoint has to answer
  ISSUER, AUDIENCE    what a token has to say
  PRIVATE_KEY         the private JWK that signs tokens which the gateway accepts
  JWKS_URL            where its public part is

A DATABASE_URL that is set already is never touched. ROWPASS_* settings of the gateway are taken over.

With --empty nothing is installed: there is a database with an owner, as in a new project at Neon, and the command is given
OWNER_DATABASE_URL and GATEWAY_URL alone. It is for rehearsing what is to be done there.

Examples:
  $ npx rowpass-local --migrations drizzle --seed seed.sql -- npx vitest run
  $ npx rowpass-local -- node app.js
  $ npx rowpass-local --data . --migrations drizzle
  $ npx rowpass-local --empty -- bash

Exit codes: those of the command; without one 0, or 1 when something did not start.`

/** What is told about the system. */
type Variables = Partial<LocalSystem['env']> & Pick<LocalSystem['env'], 'GATEWAY_URL'>

interface Options {
  migrations?: string
  seed?: string
  data?: string
  empty?: true
  json?: true
}

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  return new Command('local')
    .argument('[command...]', 'what to run, after --')
    .option('--migrations <folder>', "of drizzle-kit's, applied in their order")
    .option('--seed <file>', 'SQL that runs once as the owner')
    .option('--data <folder>', 'keep the data in .rowpass of this folder (default: delete it at the end)')
    .option('--empty', 'install nothing: a database with an owner, as a new one at Neon')
    .option('--json', 'without a command: print the variables as JSON')
    .addHelpText('after', help)
    .action((command: readonly string[], options: Options) => runLocal(io, command, options, setExitCode))
}

async function runLocal(io: Io, command: readonly string[], options: Options, setExitCode: SetExitCode): Promise<void> {
  const { migrations, seed, data, empty = false } = options
  const local = await startLocal({
    env: io.env,
    empty,
    onProgress: (text) => io.stderr(`${dim(io, text)}\n`),
    ...(migrations !== undefined && { migrationsFolder: migrations }),
    ...(seed !== undefined && { seedFile: seed }),
    ...(data !== undefined && { directory: data }),
  })
  const { OWNER_DATABASE_URL, GATEWAY_URL } = local.env
  const env = empty ? { OWNER_DATABASE_URL, GATEWAY_URL } : local.env
  try {
    const [program, ...args] = command
    if (program !== undefined) return setExitCode(await runCommand(io, program, args, env))
    io.stdout(options.json === true ? `${JSON.stringify(env)}\n` : describe(env))
    await Promise.race([local.ended, aborted(io.signal)])
    if (!io.signal.aborted) throw new Failure('embedded_ended')
  } finally {
    await local.stop()
  }
}

/** Lines that a shell reads, too: `eval` and `.env` files. The key is for one run, and this machine. */
function describe(env: Variables): string {
  return `${Object.entries(env)
    .map(([name, value]) => `${name}='${value}'`)
    .join('\n')}\nready: SQL gateway ${env.GATEWAY_URL}\n`
}

/** @returns its exit code, as a shell tells it: 128 and the number of the signal that ended it */
function runCommand(io: Io, program: string, args: readonly string[], env: Variables): Promise<number> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd: io.cwd, env: { ...io.env, ...env }, stdio: 'inherit' })
    const end = (): void => void child.kill('SIGTERM')
    io.signal.addEventListener('abort', end, { once: true })
    child.once('error', (cause) => {
      io.stderr(`error: ${program} cannot be run (${(cause as NodeJS.ErrnoException).code})\n`)
      resolve(exitCodes.usage)
    })
    child.once('exit', (code, signal) => {
      io.signal.removeEventListener('abort', end)
      if (code === null && signal === null) reject(new Failure('internal'))
      else resolve(code ?? 128 + (signal === null ? 0 : constants.signals[signal]))
    })
  })
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve()
    else signal.addEventListener('abort', () => resolve(), { once: true })
  })
}
