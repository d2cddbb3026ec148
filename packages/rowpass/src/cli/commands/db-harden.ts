/**
 * `rowpass db harden`: closes what PostgreSQL leaves open by default.
 */
import { Command } from 'commander'
import { type HardenStep, hardenDatabase, undoHardening } from '../../database/harden.ts'
import type { AskedStepName } from '../../database/harden-steps.ts'
import type { UndoneStep } from '../../database/harden-undo.ts'
import { Failure } from '../../errors.ts'
import { bold, dim, type Io } from '../io.ts'
import { loadProject } from '../project.ts'
import { openDatabase } from '../project-database.ts'

const help = `
Works on OWNER_DATABASE_URL, else on the embedded database, after "db migrate". A superuser can close everything, the owner
of the database a part; what is left open is listed with what it means, and the SQL for a login that may. Running it again
changes nothing.

What would take something from a role that has it is listed as "asked", with the roles, and done with its flag only:

  --temporary-tables   PUBLIC makes no temporary tables; roles that use this database keep the right by name, later ones
                       need "grant temporary on database … to …". Without the flag where no role but Rowpass's has it.
  --schema-public      the same for CREATE in the schema public
  --default-functions  functions that the owner makes from then on are not for PUBLIC until they are granted. Where the
                       owner is a superuser, the same goes for those of extensions and range types, which then work for
                       no one else.
  --functions          functions of PostgreSQL that no token holder may call, set_config() and those of pg_stat_activity
                       among them, are for the owner of the database alone

Everything that "db migrate" and "db harden" change outside of the schemas of Rowpass is recorded, and --undo puts it back:
rights, settings and the limit of connections are what they were before. What an earlier version took is put back as well.

The login of the gateway gets a CONNECTION LIMIT of twice what ROWPASS_GATEWAYS gateways need (default 1) with
ROWPASS_POOL_SIZE connections each (default 4), and 5 more for each of ROWPASS_WORKERS (default 1). With --seal, for an application that seals identities itself, the limit
is left alone.

Examples:
  $ npx rowpass db harden --dry-run
  $ OWNER_DATABASE_URL=postgresql://postgres:secret@localhost/app npx rowpass db harden --functions
  $ npx rowpass db harden --undo`

interface Options {
  readonly dryRun?: true
  readonly undo?: true
  readonly temporaryTables?: true
  readonly schemaPublic?: true
  readonly defaultFunctions?: true
  readonly functions?: true
  readonly seal?: true
  readonly json?: true
}

const flags: readonly (readonly [keyof Options, AskedStepName, string])[] = [
  ['temporaryTables', 'temporary_tables', '--temporary-tables'],
  ['schemaPublic', 'schema_public', '--schema-public'],
  ['defaultFunctions', 'default_functions', '--default-functions'],
  ['functions', 'functions', '--functions'],
]

/** The shell side of the command. */
export function defineHarden(io: Io): Command {
  return new Command('harden')
    .summary('close what PostgreSQL leaves open by default')
    .option('--dry-run', 'change nothing, print what would be done')
    .option('--undo', 'put back what was changed')
    .option('--temporary-tables', 'take temporary tables from PUBLIC')
    .option('--schema-public', 'take CREATE in the schema public from PUBLIC')
    .option('--default-functions', "take the owner's new functions from PUBLIC")
    .option('--functions', 'take dangerous functions from PUBLIC')
    .option('--seal', 'for an application that seals identities itself: no limit of connections')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', help)
    .action((options: Options) => hardenCommand(io, options))
}

async function hardenCommand(io: Io, options: Options): Promise<void> {
  const { undo, json } = options
  const named = flags.filter(([option]) => options[option] === true)
  if (undo === true && named.length > 0) {
    throw new Failure('config_invalid', { detail: `--undo puts everything back, and goes without ${named[0]?.[2]}` })
  }
  const project = loadProject(io)
  const database = await openDatabase(project, { onProgress: (text) => io.stderr(`${text}\n`) })
  try {
    const url = database.superuserUrl ?? database.ownerUrl
    const { login, connections } = database.gateways
    const where = { url, login, ...(options.seal !== true && { connections }), dryRun: options.dryRun === true }
    const steps =
      undo === true
        ? await undoHardening(where)
        : await hardenDatabase({ ...where, take: named.map(([, step]) => step) })
    if (json === true) io.stdout(`${JSON.stringify({ steps })}\n`)
    else for (const step of steps) io.stdout(renderStep(io, step))
    if (json !== true && steps.length === 0) io.stdout('nothing to undo\n')
  } finally {
    await database.stop()
  }
}

const maxStatements = 4
const indent = ' '.repeat(9)

function renderStep(io: Io, step: HardenStep | UndoneStep): string {
  const { says, state, sql, reason } = step
  const lines = [`${bold(io, state.padEnd(8))} ${says}`]
  if ('risk' in step && ['open', 'refused', 'asked'].includes(state)) lines.push(`${indent}${step.risk}`)
  if ('takes' in step && state !== 'closed') {
    const roles = step.from?.length ? ` Roles that have it now: ${step.from.join(', ')}.` : ''
    lines.push(`${indent}Takes ${step.takes}.${roles}`)
  }
  const flag = flags.find(([, name]) => name === step.name)?.[2]
  if (state === 'asked' && flag !== undefined) lines.push(`${indent}Done with ${flag}.`)
  if (reason !== undefined) lines.push(`${indent}Refused: ${reason}`)
  if (state !== 'done' && state !== 'asked') {
    for (const statement of sql.slice(0, maxStatements)) lines.push(dim(io, `${indent}${statement};`))
    if (sql.length > maxStatements) lines.push(dim(io, `${indent}… and ${sql.length - maxStatements} more: see --json`))
  }
  return `${lines.join('\n')}\n`
}
