/**
 * `rowpass issuer`: what our own issuer keeps in the database, and what another one publishes.
 */
import { Command } from 'commander'
import { exitCodes, type Io, type SetExitCode } from '../io.ts'
import { loadProject } from '../project.ts'
import { migrateIssuer, openDatabase } from '../project-database.ts'
import { checkHelp, checkIssuer } from './issuer-check.ts'

const migrateHelp = `
Works on OWNER_DATABASE_URL (PostgreSQL 15 to 18), else on the embedded database. Running it again changes nothing.

  1. role rowpass_issuer, the login of the issuer: it owns nothing and reads no table of its own accord
  2. schema issuer: clients, accounts, sessions, invites, and the functions that the login may call
  3. the ring of signing keys, in the schema rowpass
  4. the platform where it is not there yet, as ended sessions are kept in it, but no login of the gateway and no seal key:
     those come with "db migrate --platform", before or after this

For a database whose tokens come from another issuer it is not needed. "db migrate" without --platform does it too.
"db migrate --platform" keeps up what is installed, and does not install it.

Settings, from the environment or .dev.vars, or from files that <NAME>_FILE names:
  OWNER_DATABASE_URL    owner of the database, with CREATEROLE; a direct connection, not a pooler's
  ISSUER_DATABASE_URL   URL of rowpass_issuer; it is created, or gets this password
                        (default: the password in .rowpass/secrets.json)

Examples:
  $ npx rowpass issuer migrate
  $ OWNER_DATABASE_URL=postgresql://me:secret@localhost/app npx rowpass issuer migrate --json`

/** The shell side of the commands. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  const issuer = new Command('issuer')
  issuer
    .command('migrate')
    .summary('install what our own issuer keeps, and its login')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', migrateHelp)
    .action(({ json }: { json?: true }) => migrateCommand(io, json === true))
  issuer
    .command('check')
    .argument('<issuer>', 'URL or domain')
    .summary('say what an issuer publishes, and which entry it needs')
    .option('--token <source>', 'one of its tokens: - for standard input, or @file')
    .addHelpText('after', checkHelp)
    .action(async (target: string, { token }: { token?: string }) => {
      if (!(await checkIssuer(io, target, token))) setExitCode(exitCodes.failed)
    })
  return issuer
}

async function migrateCommand(io: Io, json: boolean): Promise<void> {
  const project = loadProject(io)
  const onProgress = (text: string): void => io.stderr(`${text}\n`)
  const database = await openDatabase(project, { onProgress })
  try {
    const platform = await migrateIssuer(database, { onProgress })
    if (json) return io.stdout(`${JSON.stringify({ platform })}\n`)
    for (const name of platform) io.stdout(`applied ${name}\n`)
    io.stdout(`${database.says} is up to date\n`)
    if (project.ownerUrl !== undefined && project.env.ISSUER_DATABASE_URL === undefined) {
      io.stderr('ISSUER_DATABASE_URL not given: what is in .rowpass/secrets.json of this folder holds\n')
    }
  } finally {
    await database.stop()
  }
}
