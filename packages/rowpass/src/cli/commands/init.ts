/**
 * `rowpass init`: begins with Rowpass in a project that is there. Makes files that are missing, and changes none.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { Command } from 'commander'
import { withConnection } from '../../database/connect.ts'
import { acceptFindings, baselineName } from '../../doctor/baseline.ts'
import { runDoctor } from '../../doctor/run.ts'
import { Failure } from '../../errors.ts'
import { withSteadyName } from '../../scratch/server.ts'
import { readVersion } from '../../version.ts'
import { givenDatabase } from '../chosen-database.ts'
import { findPeople } from '../found-people.ts'
import { bold, dim, type Io } from '../io.ts'
import { detectProject, type ExistingProject } from '../project-kind.ts'
import { withSubject } from '../script-database.ts'

const help = `
Finds out what the project is made with – Supabase, Drizzle, Prisma, or plain SQL – and makes what is missing of

  rowpass-doctor.json            the findings of today, accepted: from now on "rowpass doctor" tells what is new
  people.json                    whom "rowpass matrix", "why" and "review" try: sampled where there are rows, else made up
  .github/workflows/rowpass.yml  who gains or loses which rows by a pull request, and the doctor
  .dev.vars.example              the settings
  AGENTS.md                      how to change policies and prove them, for people and programs

A file that is there is left as it is, so that a second run changes nothing. The first two are made by examining the database of
--database-url, else of OWNER_DATABASE_URL, which is only read. With a path, or without a database, they are made of the
migrations, which run in a database that is thrown away: on that server, else on an embedded one (@rowpass/local).

Exit codes: 0 done, also where nothing was to do, 1 failed, 2 wrong usage.

Examples:
  $ npx rowpass init
  $ npx rowpass init --dry-run
  $ npx rowpass init packages/db/migrations
  $ OWNER_DATABASE_URL=postgresql://postgres:secret@localhost/app npx rowpass init --json`

interface Options {
  readonly databaseUrl?: string
  readonly dryRun?: true
  readonly json?: true
}

/** What became of one file. */
interface FileReport {
  readonly path: string
  /** `left`: it cannot be made, for the reason that is given. */
  readonly state: 'made' | 'kept' | 'left'
  readonly says: string
}

/** The shell side of the command. */
export function define(io: Io): Command {
  return new Command('init')
    .argument('[path]', 'file or folder of the migrations (default: found out)')
    .option('--database-url <url>', 'the database to examine; with a path, the server to run it on')
    .option('--dry-run', 'write nothing, and examine nothing')
    .option('--json', 'print what was done as JSON')
    .addHelpText('after', help)
    .action((path: string | undefined, options: Options) => init(io, path, options))
}

async function init(io: Io, path: string | undefined, options: Options): Promise<void> {
  const project = detectProject(io.cwd, path)
  const files = [
    ...(await examine(io, project, options)),
    make(io, '.github/workflows/rowpass.yml', workflowOf(project), options),
    make(io, '.dev.vars.example', settingsOf(project), options),
    make(io, 'AGENTS.md', instructionsOf(project), options),
  ]
  if (options.json === true) io.stdout(`${JSON.stringify({ kind: project.kind, migrations: project.path, files })}\n`)
  else io.stdout(describe(io, project, files, options))
}

/** The two files that need a look at tables and policies. */
async function examine(io: Io, { path, isNamed }: ExistingProject, options: Options): Promise<FileReport[]> {
  const wanted = [baselineName, 'people.json']
  const reports = wanted.flatMap((name) => keep(io, name))
  const missing = wanted.filter((name) => !reports.some((report) => report.path === name))
  if (missing.length === 0) return reports
  if (options.dryRun === true)
    return [...reports, ...missing.map((name) => made(name, 'from the database or the migrations'))]
  const given = givenDatabase(io, options.databaseUrl)
  const fromScripts = isNamed || given === undefined
  try {
    const found = await withSubject(io, { given, paths: fromScripts ? [path] : [] }, async (url) => {
      const diagnosis = await runDoctor({ databaseUrl: url })
      const { findings } = fromScripts ? withSteadyName(diagnosis, url) : diagnosis
      return { findings, people: await withConnection(url, (client) => findPeople(client)) }
    })
    for (const name of missing) reports.push(name === baselineName ? baseline() : people())
    return reports

    function baseline(): FileReport {
      const loud = found.findings.filter(({ level }) => level !== 'info')
      const counts = acceptFindings(join(io.cwd, baselineName), loud, 'as it was when Rowpass was set up')
      const codes = [...counts].map(([code, count]) => `${code} ${count}×`).join(', ')
      return made(baselineName, loud.length === 0 ? 'no findings' : `findings accepted: ${codes}`)
    }

    function people(): FileReport {
      const { identities, says } = found.people
      writeNew(io, 'people.json', `${JSON.stringify(identities, null, 2)}\n`)
      return made('people.json', says)
    }
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    const says = [error.spec.says, ...(error.detail === undefined ? [] : [error.detail])].join(': ')
    const missingNow = missing.filter((name) => !reports.some((report) => report.path === name))
    return [...reports, ...missingNow.map((name): FileReport => ({ path: name, state: 'left', says }))]
  }
}

function make(io: Io, path: string, text: string, { dryRun }: Options): FileReport {
  const [kept] = keep(io, path)
  if (kept !== undefined) return kept
  if (dryRun !== true) writeNew(io, path, text)
  return made(path, '')
}

function keep(io: Io, path: string): FileReport[] {
  return existsSync(join(io.cwd, path)) ? [{ path, state: 'kept', says: 'it is there' }] : []
}

function made(path: string, says: string): FileReport {
  return { path, state: 'made', says }
}

/** Fails where there is a file, whoever has made it meanwhile. */
function writeNew(io: Io, path: string, text: string): void {
  const full = join(io.cwd, path)
  mkdirSync(dirname(full), { recursive: true })
  writeFileSync(full, text, { flag: 'wx' })
}

/** As docs/review.md has it, with the paths of this project. */
function workflowOf({ path, seed }: ExistingProject): string {
  const inputs = [`path: ${JSON.stringify(path)}`, ...(seed === undefined ? [] : [`rows: ${JSON.stringify(seed)}`])]
  return `# Who gains or loses which rows by a pull request, and what the doctor says of the state after it.
name: rowpass
on: pull_request
permissions: { contents: read, pull-requests: write, security-events: write }
jobs:
  access:
    runs-on: ubuntu-latest
    steps:
      - uses: actions/checkout@v4
        with: { fetch-depth: 0 }
      - uses: actions/setup-node@v4
        with: { node-version: 22 }
      - run: npm install --no-save rowpass@${readVersion()} @rowpass/local@${readVersion()}
      - id: rowpass
        uses: ${actionName()}
        with:
${[...inputs, 'identities: people.json'].map((line) => `          ${line}`).join('\n')}
      - if: always() && steps.rowpass.outputs.comment != ''
        run: gh pr comment "$PR" --edit-last --create-if-none --body-file "$COMMENT"
        env:
          GH_TOKEN: \${{ github.token }}
          PR: \${{ github.event.number }}
          COMMENT: \${{ steps.rowpass.outputs.comment }}
      - if: always() && steps.rowpass.outputs.sarif != ''
        uses: github/codeql-action/upload-sarif@v3
        with: { sarif_file: "\${{ steps.rowpass.outputs.sarif }}" }
`
}

const unnamed = '<owner>/rowpass'

/** A package that is published names its repository; a clone may not. */
function actionName(): string {
  const manifest: { repository?: string | { url?: string } } = JSON.parse(
    readFileSync(new URL('../../../package.json', import.meta.url), 'utf8'),
  )
  const { repository } = manifest
  const url = typeof repository === 'string' ? repository : repository?.url
  const name = /github(?:\.com[/:]|:)([\w.-]+\/[\w.-]+?)(?:\.git)?$/.exec(url ?? '')?.[1] ?? unnamed
  return `${name}@v${readVersion()}`
}

const issuers: Readonly<Record<ExistingProject['kind'], object>> = {
  supabase: { provider: 'supabase', project: '<project>' },
  drizzle: { iss: 'https://<issuer>', jwks_url: 'https://<issuer>/.well-known/jwks.json', audience: '<audience>' },
  prisma: { iss: 'https://<issuer>', jwks_url: 'https://<issuer>/.well-known/jwks.json', audience: '<audience>' },
  sql: { iss: 'https://<issuer>', jwks_url: 'https://<issuer>/.well-known/jwks.json', audience: '<audience>' },
}

function settingsOf({ kind }: ExistingProject): string {
  return `# Copy to .dev.vars, which must not be in git. Every command reads it; docs/configuration.md has all settings.
# The owner of the database, for doctor, matrix, why and db migrate; a direct connection, not a pooler's.
OWNER_DATABASE_URL=
# Whose tokens the gateway accepts; "rowpass issuer check" tells what to write for yours.
ROWPASS_ISSUERS='${JSON.stringify([issuers[kind]])}'
`
}

function instructionsOf({ path, seed }: ExistingProject): string {
  const scripts = [path, ...(seed === undefined ? [] : [seed])].join(' ')
  return `# Row-level security in this project

Which rows somebody sees and may change is decided by PostgreSQL, by the policies in \`${path}\`.

- \`npx rowpass doctor ${path}\`: faults in policies, by file and line. No error and no new warning may remain.
- \`npx rowpass matrix ${scripts} --identities people.json\`: what each person may do with each table, tried.
- \`npx rowpass why --as <person> "<statement>" ${scripts}\`: why there are no rows, or an error.
- \`npx rowpass review main... ${path}\`: who gains or loses which rows by a change.
- \`npx rowpass explain <code>\`: what an error means, and what to do.

Rules:

- A new table has row-level security and policies in the migration that makes it, and only the privileges that they need.
- A change of policies comes with a test of somebody who may and of somebody who may not.
- \`[]\` is not proof: ask with \`rowpass why\` which policy hid the rows.
- Never make an error go away with \`grant all\`, \`using (true)\`, BYPASSRLS, the owner's connection, or \`security definer\`.
- A finding that is right as it is: \`npx rowpass doctor accept <key> --reason "…"\`.
`
}

const kinds: Readonly<Record<ExistingProject['kind'], string>> = {
  supabase: 'Supabase',
  drizzle: 'Drizzle',
  prisma: 'Prisma',
  sql: 'plain SQL',
}

function describe(io: Io, project: ExistingProject, files: readonly FileReport[], { dryRun }: Options): string {
  const words = { made: dryRun === true ? 'would make' : 'made', kept: 'kept', left: 'not made' } as const
  const width = Math.max(...files.map(({ path }) => path.length))
  const lines = files.map(({ path, state, says }) =>
    `  ${bold(io, words[state].padEnd(10))} ${path.padEnd(width)}${says === '' ? '' : `  ${dim(io, says)}`}`.trimEnd(),
  )
  const some = files.some(({ state }) => state === 'made')
  const next = [
    ...(files.some(({ state }) => state === 'left')
      ? ['What was not made needs a database: set OWNER_DATABASE_URL, or install @rowpass/local, and run it again.']
      : []),
    ...(some && actionName().startsWith(unnamed)
      ? ['Name the repository of Rowpass in .github/workflows/rowpass.yml.']
      : []),
    ...(some
      ? ['Next: npx rowpass doctor, npx rowpass matrix --identities people.json']
      : ['Nothing was to do: all of it is there.']),
  ]
  return `${kinds[project.kind]}, migrations in ${project.path}\n${[...lines, ...next].join('\n')}\n`
}
