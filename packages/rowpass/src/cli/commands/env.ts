/**
 * `rowpass env`: where the system that runs in this folder can be reached, and what an API needs that runs elsewhere.
 */
import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import { sqlstateOf, withConnection } from '../../database/connect.ts'
import { hasIssuer } from '../../database/platform.ts'
import { errnoOf, isErrno } from '../../database/private-files.ts'
import { Failure } from '../../errors.ts'
import { exitCodes, type Io, type SetExitCode } from '../io.ts'
import { loadProject } from '../project.ts'
import { openDatabase } from '../project-database.ts'
import { readKeyBindings } from '../project-keys.ts'
import { renderError } from '../render-error.ts'
import { readRunning } from '../running.ts'

const help = `
OWNER_DATABASE_URL holds a password. Exit code 3 when nothing runs in this folder.

With --sealed it prints what an API needs that seals by itself, without a gateway, for the database of OWNER_DATABASE_URL:
the powerless login and the seal keys that "db migrate" has installed there and, where our issuer is, its login and what
signs. All of it is secret. With --out it is written to a new file that only you can read.

Examples:
  $ npx rowpass env
  $ eval "$(npx rowpass env)"
  $ npx rowpass env --json
  $ npx rowpass env --sealed --out .dev.vars && npx wrangler deploy --secrets-file .dev.vars`

interface EnvOptions {
  readonly json?: true
  readonly sealed?: true
  readonly out?: string
}

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  return new Command('env')
    .option('--sealed', 'print the secrets of an API that seals by itself')
    .option('--out <file>', 'write to a new file, mode 0600')
    .option('--json', 'print as JSON')
    .addHelpText('after', help)
    .action(async ({ json, sealed, out }: EnvOptions) => {
      const values = sealed === true ? await readSealed(io) : readUrls(io.cwd)
      if (values === undefined) {
        renderError(io, new Failure('not_running'))
        return setExitCode(exitCodes.notRunning)
      }
      const text = json === true ? `${JSON.stringify(values)}\n` : toDotenv(values)
      if (out === undefined) return io.stdout(text)
      writeNew(resolve(io.cwd, out), text)
      io.stdout(`${Object.keys(values).join(', ')} are in ${out} (keep it secret)\n`)
    })
}

/** URLs by the name of their variable; undefined when nothing runs, or is not ready yet. */
export function readUrls(directory: string): Readonly<Record<string, string>> | undefined {
  const running = readRunning(directory)
  if (running?.ready !== true) return undefined
  return {
    OWNER_DATABASE_URL: running.ownerUrl,
    DATABASE_URL: running.databaseUrl,
    GATEWAY_URL: running.gatewayUrl,
    API_URL: running.apiUrl,
  }
}

async function readSealed(io: Io): Promise<Readonly<Record<string, string>>> {
  const project = loadProject(io)
  if (project.ownerUrl === undefined) {
    const detail =
      'OWNER_DATABASE_URL is not set, and the embedded database is reached through the gateway of "rowpass dev"'
    throw new Failure('config_invalid', { detail })
  }
  const database = await openDatabase(project)
  const { GATEWAY_URL } = project.env
  await requireLogin(database.gatewayUrl, database.says)
  const sealing = { ROWPASS_DATABASE_URL: database.gatewayUrl, ROWPASS_SEAL_KEYS: database.sealKeys }
  if (!(await withConnection(database.ownerUrl, hasIssuer))) return sealing
  await requireLogin(database.issuerUrl, database.says)
  return {
    ...sealing,
    ISSUER_DATABASE_URL: database.issuerUrl,
    ...(await readKeyBindings(project, database)),
    ...(GATEWAY_URL !== undefined && { GATEWAY_URL }),
  }
}

/**
 * What no migration has made, or one that failed, is no secret to hand on.
 *
 * @throws Failure `config_invalid` when the database does not let the login in; `database_unavailable`
 */
async function requireLogin(url: string, says: string): Promise<void> {
  try {
    await withConnection(url, async () => undefined)
  } catch (error) {
    if (sqlstateOf((error as Error).cause) === undefined) throw error
    const login = decodeURIComponent(new URL(url).username)
    const detail = `${says} does not let ${login} in with this password; run "npx rowpass db migrate" first, and look at how it ends`
    throw new Failure('config_invalid', { detail, cause: error })
  }
}

/** Never over a file that is there: it may hold settings that are nowhere else. */
function writeNew(path: string, text: string): void {
  try {
    writeFileSync(path, text, { mode: 0o600, flag: 'wx' })
  } catch (error) {
    const why = isErrno(error, 'EEXIST')
      ? 'it is there already: name another file, or take that one away'
      : errnoOf(error)
    throw new Failure('config_invalid', { detail: `${path} is not written: ${why}`, cause: error })
  }
}

/** In single quotes both a shell and a dotenv reader take a value as it is; a URL and JSON can do without one in them. */
function toDotenv(values: Readonly<Record<string, string>>): string {
  return Object.entries(values)
    .map(([name, value]) => `${name}='${value.replaceAll("'", value.startsWith('{') ? '\\u0027' : '%27')}'\n`)
    .join('')
}
