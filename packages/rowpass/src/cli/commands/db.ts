/**
 * `rowpass db`: prepares a database, and fills it with example rows.
 */
import { Command } from 'commander'
import { Failure } from '../../errors.ts'
import type { Io, SetExitCode } from '../io.ts'
import { loadProject, type Project } from '../project.ts'
import { migrateDatabase, type OpenDatabase, openDatabase, seedDatabase } from '../project-database.ts'
import { defineGenerate, defineGrants } from './db-grants.ts'
import { defineHarden } from './db-harden.ts'
import { defineSealKeys } from './db-seal-keys.ts'

const migrateHelp = `
Works on OWNER_DATABASE_URL (PostgreSQL 15 to 18), else on the embedded database. Running it again changes nothing.

  1. roles: authenticated, anonymous, and the powerless login of the gateway
  2. platform SQL: schemas rowpass and auth
  3. seal keys
  4. our own issuer, as "issuer migrate" does it; with --platform it is only upgraded where it is installed
  5. the application's migrations in drizzle/; not with --platform, where the tables are made by something else

In a clone of Rowpass drizzle/ holds the tables of its demo: give --platform for a database of your own.

Where no login but those of Rowpass uses the database, it also takes from PUBLIC the rights to make temporary tables in it
and objects in its schema public; otherwise it says that they are open. The login of the gateway gets a limit of connections.
"db harden" closes more, and "db harden --undo" puts back what either has changed.

With --seal it prepares a database for an application that seals identities itself, by "rowpass/seal", and needs no gateway:
steps 1 to 3 and no more, without a limit of connections. "env --sealed" prints what the application is given.

Settings, from the environment or .dev.vars, or from files that <NAME>_FILE names:
  OWNER_DATABASE_URL    owner of the database, with CREATEROLE; a direct connection, not a pooler's
  ROWPASS_DATABASE_URL  URL of the powerless login; it is created, or gets this password
                        (default: rowpass_gateway with the password in .rowpass/secrets.json)
  ISSUER_DATABASE_URL   URL of the issuer's login, rowpass_issuer, in the same way; not with --platform
  ROWPASS_SEAL_KEYS     seal keys to install (default: those in .rowpass/secrets.json)
  ROWPASS_GATEWAYS, ROWPASS_POOL_SIZE, ROWPASS_WORKERS
                        gateways behind the login, connections and processes of each, for its limit (default: 1, 4, 1)

Examples:
  $ npx rowpass db migrate
  $ OWNER_DATABASE_URL=postgresql://me:secret@localhost/app npx rowpass db migrate --platform
  $ OWNER_DATABASE_URL=postgresql://me:secret@localhost/app npx rowpass db migrate --seal`

const seedHelp = `
Runs seed.sql as the owner, in one transaction.

Examples:
  $ npx rowpass db seed
  $ OWNER_DATABASE_URL=postgresql://me:secret@localhost/app npx rowpass db seed`

interface MigrateOptions {
  readonly platform?: true
  readonly seal?: true
  readonly json?: true
}

/** The shell side of the commands. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  const db = new Command('db')
  db.command('migrate')
    .summary('bring the database to the state of this folder')
    .option('--platform', 'for tables and an issuer of your own: without drizzle/')
    .option('--seal', 'for an application that seals identities itself: without a gateway')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', migrateHelp)
    .action((options: MigrateOptions) => migrateCommand(io, options))
  db.command('seed')
    .summary('add the example rows of seed.sql')
    .addHelpText('after', seedHelp)
    .action(() => seedCommand(io))
  db.addCommand(defineGenerate(io))
  db.addCommand(defineGrants(io, setExitCode))
  db.addCommand(defineHarden(io))
  db.addCommand(defineSealKeys(io))
  return db
}

async function migrateCommand(io: Io, { platform, json, ...options }: MigrateOptions): Promise<void> {
  const project = loadProject(io)
  const seal = options.seal === true
  const onProgress = (text: string): void => io.stderr(`${text}\n`)
  if (platform === true && project.env.ISSUER_DATABASE_URL !== undefined) {
    onProgress('ISSUER_DATABASE_URL is not used with --platform: "issuer migrate" makes that login')
  }
  await withDatabase(io, project, async (database) => {
    const report = await migrateDatabase(project, database, {
      platformOnly: platform === true,
      sealOnly: seal,
      onProgress,
    })
    if (json === true) return io.stdout(`${JSON.stringify(report)}\n`)
    for (const name of report.platform) io.stdout(`applied ${name}\n`)
    if (report.application > 0) io.stdout(`applied ${report.application} from drizzle/\n`)
    io.stdout(`${database.says} is up to date\n`)
    const made = ['ROWPASS_DATABASE_URL', 'ROWPASS_SEAL_KEYS'].filter((name) => project.env[name] === undefined)
    if (project.ownerUrl === undefined || made.length === 0) return
    io.stderr(`${made.join(' and ')} not given: what is in .rowpass/secrets.json of this folder holds\n`)
    if (seal) io.stderr('"rowpass env --sealed" prints what the application needs of it\n')
  })
}

async function seedCommand(io: Io): Promise<void> {
  const project = loadProject(io)
  await withDatabase(io, project, async (database) => {
    const ran = await seedDatabase(project, database)
    if (!ran) throw new Failure('config_invalid', { detail: `${project.directory} has no seed.sql` })
    io.stdout('seeded\n')
  })
}

async function withDatabase(io: Io, project: Project, work: (database: OpenDatabase) => Promise<void>): Promise<void> {
  const database = await openDatabase(project, { onProgress: (text) => io.stderr(`${text}\n`) })
  try {
    await work(database)
  } finally {
    await database.stop()
  }
}
