/**
 * `rowpass status`: a database of Rowpass as it is, and what is to be done about it.
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { stateFolder } from '../../database/private-files.ts'
import { readStatus } from '../database-status.ts'
import { exitCodes, type Io, type SetExitCode } from '../io.ts'
import { loadProject } from '../project.ts'
import { openDatabase } from '../project-database.ts'
import { isWrongUsage, renderError } from '../render-error.ts'
import { renderStatus } from '../status-report.ts'

const help = `
Works on OWNER_DATABASE_URL, else on the embedded database, with the settings of "db migrate". It changes nothing and prints no
secret. The owner of the database is enough; what this login may not see is named.

  schema         the revision of the SQL that is installed, and the files that "db migrate" would apply
  roles          those of tokens, the login of the gateway, that of our own issuer, and what they have that they must not
  seal keys      of the database, with the time it got them, next to ROWPASS_SEAL_KEYS
  signing keys   of our own issuer: which signs, which are published, what may happen next
  connections    the CONNECTION LIMIT of the gateways' login, and what ROWPASS_GATEWAYS of ROWPASS_POOL_SIZE need
  gateways       processes that are connected now, their version, and since when
  left open      what "db harden" would close. "on demand" is what has a flag there

Exit codes: 0 nothing to do, 1 something is, 2 wrong usage, 4 the database could not be looked at. With --strict what is left open
is something to do as well, but for what is on demand.

Examples:
  $ npx rowpass status
  $ OWNER_DATABASE_URL=postgresql://me:secret@localhost/app npx rowpass status --strict
  $ npx rowpass status --json | jq .problems`

interface Options {
  readonly strict?: true
  readonly json?: true
}

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  return new Command('status')
    .option('--strict', 'what is left open is something to do')
    .option('--json', 'print the status as JSON')
    .addHelpText('after', help)
    .action(async (options: Options) => setExitCode(await statusCommand(io, options)))
}

async function statusCommand(io: Io, { strict, json }: Options): Promise<number> {
  try {
    const project = loadProject(io)
    // Else keys would be made now, that no gateway has.
    const made = existsSync(join(project.directory, stateFolder, 'secrets.json'))
    const compareKeys = project.env.ROWPASS_SEAL_KEYS !== undefined || project.ownerUrl === undefined || made
    const database = await openDatabase(project, { onProgress: (text) => io.stderr(`${text}\n`) })
    try {
      const status = await readStatus(database, { compareKeys, strict: strict === true })
      if (json === true) io.stdout(`${JSON.stringify(status)}\n`)
      else io.stdout(renderStatus(io, status, Date.now()))
      if (!compareKeys) io.stderr('ROWPASS_SEAL_KEYS is not given: the seal keys are listed, and not compared\n')
      return status.problems.length === 0 ? exitCodes.done : exitCodes.failed
    } finally {
      await database.stop()
    }
  } catch (error) {
    renderError(io, error)
    return isWrongUsage(error) ? exitCodes.usage : exitCodes.unexamined
  }
}
