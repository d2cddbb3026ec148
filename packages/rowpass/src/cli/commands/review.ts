/**
 * `rowpass review`: who gains or loses which rows by a change.
 */

import { writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import type { Style } from '../../access/style.ts'
import { Failure } from '../../errors.ts'
import { type AccessReview, isGain, reviewChange } from '../../review/review.ts'
import { renderReview, reviewJson, reviewMarkdown } from '../../review/review-text.ts'
import { parseTimeout, readText } from '../input.ts'
import { bold, dim, exitCodes, type Io, red, type SetExitCode } from '../io.ts'
import { isWrongUsage, renderError } from '../render-error.ts'
import { withSides } from '../review-sides.ts'

const help = `
Makes the state before and the state after in databases that are thrown away, tries in both as each identity which rows it
reaches, and says what is different, with the policy that decides. What only says the same otherwise is no change.

  <base>..<head> [path...]   two revisions of a repository; three dots start where they parted
  <database> <database>      two databases, by URL; they are read, in transactions that are rolled back
  <path> <path>              two files or folders
  <database> <path>          a database, and scripts that change a copy of it; without it: OWNER_DATABASE_URL's

Paths are those of "rowpass doctor", and run where that runs them; docs/review.md has more. Both states get the same rows: those
of the database, the dump, or the seed, and of --rows. Identities are sampled from them unless they are given.

Exit codes: 0 nobody gains access, 1 somebody does, 2 wrong usage, 3 nothing runs in this folder,
4 the states could not be made or tried.

Examples:
  $ npx rowpass review main...HEAD
  $ npx rowpass review main..HEAD drizzle --rows seed.sql --identities people.json
  $ npx rowpass review old.sql new.sql --json
  $ OWNER_DATABASE_URL=postgresql://postgres:secret@localhost/app npx rowpass review migration.sql --reveal
  $ npx rowpass review main...HEAD supabase --markdown --out comment.md`

interface ReviewCommandOptions {
  readonly databaseUrl?: string
  readonly rows?: readonly string[]
  readonly identities?: string
  readonly sample?: string
  readonly role?: string
  readonly tenantClaim?: string
  readonly reveal?: true
  readonly json?: true
  readonly markdown?: true
  readonly out?: string
  readonly timeout: number
}

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  return new Command('review')
    .argument('<what...>', 'the two states')
    .option('--database-url <url>', 'the server for what scripts make, or the database that they change')
    .option('--rows <path...>', 'scripts that fill the tables of the state before')
    .option('--identities <file>', 'who tries, as JSON, as for "rowpass matrix"')
    .option('--sample <sql>', 'a query for who tries: name, role, claims, tenants')
    .option('--role <name>', 'database role of identities that name none (default: found out)')
    .option('--tenant-claim <name>', 'claim that says whose rows are own')
    .option('--reveal', 'show keys of rows that are gained or lost')
    .option('--json', 'print the review as JSON')
    .option('--markdown', 'print it as a comment for a pull request')
    .option('--out <file>', 'write it to a file instead')
    .option('--timeout <seconds>', 'for each statement, 1 to 600', parseTimeout, 60)
    .addHelpText('after', help)
    .action(async (what: string[], options: ReviewCommandOptions) => setExitCode(await review(io, what, options)))
}

async function review(io: Io, what: readonly string[], options: ReviewCommandOptions): Promise<number> {
  try {
    const { databaseUrl: given, rows = [], identities, sample, role, tenantClaim } = options
    // Before the work of a minute: a file that is not there would make it in vain.
    const file = identities === undefined ? undefined : readText(io, identities)
    const found = await withSides(io, { what, given, rows }, async ({ notes, ...sides }) => {
      const reviewed = await reviewChange({
        ...sides,
        ...(file !== undefined && { file }),
        ...(sample !== undefined && { sample }),
        ...(role !== undefined && { role }),
        ...(tenantClaim !== undefined && { tenantClaim }),
        reveal: options.reveal === true,
        timeoutMs: options.timeout * 1_000,
        onProgress: (text) => io.stderr(`${text}\n`),
      })
      return { ...reviewed, notes: [...notes, ...reviewed.notes] }
    })
    const text = render(io, found, options)
    if (options.out === undefined) io.stdout(text)
    else writeFileSync(resolve(io.cwd, options.out), text)
    return isGain(found) ? exitCodes.failed : exitCodes.done
  } catch (error) {
    renderError(io, error)
    if (error instanceof Failure && error.code === 'not_running') return exitCodes.notRunning
    return isWrongUsage(error) ? exitCodes.usage : exitCodes.unexamined
  }
}

function render(io: Io, found: AccessReview, { json, markdown, out }: ReviewCommandOptions): string {
  if (json === true) return `${JSON.stringify(reviewJson(found))}\n`
  if (markdown === true) return reviewMarkdown(found)
  const style: Style = { bold: (text) => bold(io, text), dim: (text) => dim(io, text), red: (text) => red(io, text) }
  const none: Style = { bold: String, dim: String, red: String }
  return renderReview(found, out === undefined ? style : none)
}
