/**
 * `rowpass db harden`: closes what PostgreSQL leaves open by default.
 */
import { Command } from 'commander'
import { type HardenStep, hardenDatabase } from '../../database/harden.ts'
import { bold, dim, type Io } from '../io.ts'
import { openDatabase } from '../local-database.ts'
import { loadProject } from '../project.ts'

const help = `
Works on OWNER_DATABASE_URL, else on the embedded database. A superuser can close everything, the owner of the database a
part; what is left open is listed with what it means, and the SQL for somebody who may. Running it again changes nothing.

With --functions, the functions of PostgreSQL that no token holder may call are taken from PUBLIC too and given to the
owner of the database. Every other login of the database loses them: SET, migrations and pg_dump of the owner go on.

Examples:
  $ npx rowpass db harden --dry-run
  $ OWNER_DATABASE_URL=postgresql://postgres:secret@localhost/app npx rowpass db harden --functions`

interface Options {
  readonly dryRun?: true
  readonly functions?: true
  readonly json?: true
}

/** The shell side of the command. */
export function defineHarden(io: Io): Command {
  return new Command('harden')
    .summary('close what PostgreSQL leaves open by default')
    .option('--dry-run', 'change nothing, print what would be done')
    .option('--functions', 'take dangerous functions from PUBLIC as well')
    .option('--json', 'print the result as JSON')
    .addHelpText('after', help)
    .action((options: Options) => hardenCommand(io, options))
}

async function hardenCommand(io: Io, { dryRun, functions, json }: Options): Promise<void> {
  const project = loadProject(io)
  const database = await openDatabase(project, { onProgress: (text) => io.stderr(`${text}\n`) })
  try {
    const steps = await hardenDatabase({
      url: database.ownerUrl,
      login: decodeURIComponent(new URL(database.gatewayUrl).username),
      dryRun: dryRun === true,
      functions: functions === true,
    })
    if (json === true) io.stdout(`${JSON.stringify({ steps })}\n`)
    else for (const step of steps) io.stdout(renderStep(io, step))
  } finally {
    await database.stop()
  }
}

const maxStatements = 4

function renderStep(io: Io, { says, state, sql, reason, risk }: HardenStep): string {
  const lines = [`${bold(io, state.padEnd(8))} ${says}`]
  if (state === 'open' || state === 'refused') {
    lines.push(`         ${risk}`)
    if (reason !== undefined) lines.push(`         Refused: ${reason}`)
    for (const statement of sql.slice(0, maxStatements)) lines.push(dim(io, `         ${statement};`))
    if (sql.length > maxStatements) lines.push(dim(io, `         … and ${sql.length - maxStatements} more: see --json`))
  }
  return `${lines.join('\n')}\n`
}
