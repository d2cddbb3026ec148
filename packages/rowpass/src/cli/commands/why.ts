/**
 * `rowpass why`: what one statement does for one identity, and why.
 */

import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import * as z from 'zod'
import { plain } from '../../access/style.ts'
import { withConnection } from '../../database/connect.ts'
import { Failure } from '../../errors.ts'
import { explain } from '../../why/explain.ts'
import { renderExplanation } from '../../why/report.ts'
import { openAnyDatabase } from '../chosen-database.ts'
import { parseTimeout, readText } from '../input.ts'
import { bold, dim, exitCodes, type Io, red, type SetExitCode } from '../io.ts'
import { isWrongUsage, renderError } from '../render-error.ts'
import { withSubject } from '../script-database.ts'
import { type ReadToken, readToken } from '../why-token.ts'

const help = `
Tells what a statement does for an identity and why: grants, row-level security, each policy with its value for the rows in
question. Works on any PostgreSQL 15 to 18, with or without the rest of Rowpass.

The statement is run as the identity, and the rows behind it are looked at as the owner, in transactions that are rolled
back. Nothing is committed; sequences advance. Values of rows that the identity cannot see are shown with --reveal only.

Database: --database-url, else OWNER_DATABASE_URL, else the embedded database of this folder. With paths after the statement,
it is what files make, as for "rowpass doctor".

Examples:
  $ npx rowpass why --as david@neon.example "select * from users"
  $ npx rowpass why --as '{"sub":"…","tenant_id":"…"}' "update users set name = 'X' where id = '…'"
  $ npx rowpass why --as @claims.json --role app_user --database-url postgresql://me@db.example.com/app "select …"
  $ npx rowpass why --as @claims.json "select * from invoices" schema.sql seed.sql
  $ npx rowpass token --sub … | npx rowpass why --token - "select * from users"

With --login it also looks at whether the login that requests arrive on can become the role.

Exit codes: 0 explained, 1 failed, 2 wrong usage, 5 the explanation does not agree with what happened.`

interface WhyOptions {
  as?: string
  token?: string
  role?: string
  login?: string
  databaseUrl?: string
  param: string[]
  timeout: number
  run?: boolean
  reveal?: true
  json?: true
}

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  return new Command('why')
    .argument('<statement>', 'one SELECT, INSERT, UPDATE, DELETE or MERGE; @file reads it from a file')
    .argument('[path...]', 'files of SQL or folders of migrations, instead of a database')
    .option('--as <who>', 'claims as JSON, @file with them, or the name or sub of a person in people.json')
    .addOption(
      new Option('--token <-|@file>', 'a token from standard input or a file; its claims are used').conflicts('as'),
    )
    .option('--role <name>', 'database role (default: found out)')
    .option('--login <name>', 'the login that requests arrive on')
    .option('--database-url <url>', "URL of the tables' owner or a superuser")
    .option('--param <text>', 'the value of $1, $2 …; may be repeated', (text, list: string[]) => [...list, text], [])
    .option('--timeout <seconds>', 'for each statement, 1 to 600', parseTimeout, 5)
    .option('--run', 'run it even where a trigger reaches outside of the database')
    .option('--no-run', 'do not run it; explain only')
    .option('--reveal', 'show values of rows that the identity cannot see')
    .option('--json', 'print the explanation as JSON')
    .addHelpText('after', help)
    .action(async (text: string, paths: string[], options: WhyOptions) => {
      try {
        await whyCommand(io, { text, paths }, options, setExitCode)
      } catch (error) {
        renderError(io, error)
        setExitCode(isWrongUsage(error) ? exitCodes.usage : exitCodes.failed)
      }
    })
}

async function whyCommand(
  io: Io,
  { text, paths }: { text: string; paths: readonly string[] },
  options: WhyOptions,
  setExitCode: SetExitCode,
): Promise<void> {
  const sql = text.startsWith('@') ? readText(io, text.slice(1)) : text
  const { claims, lines, role, refusal } = await identityOf(io, options)
  const named = options.role ?? role
  const chosen = { given: options.databaseUrl, paths, find: openAnyDatabase }
  await withSubject(io, chosen, async (url) => {
    const explanation = await withConnection(url, (client) =>
      explain(client, {
        identity: { claims, ...(named !== undefined && { role: named }) },
        ...(options.login !== undefined && { login: options.login }),
        sql,
        params: options.param,
        timeoutMs: options.timeout * 1_000,
        reveal: options.reveal === true,
        run: options.run === undefined ? 'safe' : options.run ? 'always' : 'never',
      }),
    )
    const style = io.colours
      ? {
          bold: (each: string) => bold(io, each),
          dim: (each: string) => dim(io, each),
          red: (each: string) => red(io, each),
        }
      : plain
    const json = () =>
      `${JSON.stringify({ ...explanation, ...(lines.length > 0 && { token: lines }), ...(refusal && { refusal }) }, null, 2)}\n`
    io.stdout(options.json === true ? json() : renderExplanation(explanation, style, lines, refusal))
    if (!explanation.complete) setExitCode(exitCodes.incomplete)
  })
}

async function identityOf(io: Io, options: WhyOptions): Promise<ReadToken> {
  if (options.token !== undefined) return readToken(io, options.token)
  return { claims: claimsOf(io, options.as), lines: [], role: undefined }
}

function claimsOf(io: Io, who: string | undefined): Readonly<Record<string, unknown>> {
  if (who === undefined) return {}
  if (who.startsWith('@')) return parseClaims(readText(io, who.slice(1)))
  if (who.trimStart().startsWith('{')) return parseClaims(who)
  return claimsOfPerson(io, who)
}

/** `people.json` of the folder has the identities as `rowpass matrix --identities` takes them. */
function claimsOfPerson(io: Io, who: string): Readonly<Record<string, unknown>> {
  const detail = `--as is no JSON object and no @file, and people.json of this folder has nobody of the name or sub "${who}"`
  const file = resolve(io.cwd, 'people.json')
  const people = existsSync(file) ? peopleSchema.safeParse(readJson(io, file)) : undefined
  const person = people?.data?.find(({ name, claims }) => name === who || claims.sub === who)
  if (person === undefined) throw new Failure('input_invalid', { detail })
  return person.claims
}

function readJson(io: Io, file: string): unknown {
  try {
    return JSON.parse(readText(io, file))
  } catch (error) {
    throw error instanceof SyntaxError ? new Failure('input_invalid', { detail: `${file} is not JSON` }) : error
  }
}

const peopleSchema = z.array(z.object({ name: z.string().optional(), claims: z.record(z.string(), z.unknown()) }))

function parseClaims(text: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as Record<string, unknown>
  } catch {
    // Said below, without the text: claims may be personal.
  }
  throw new Failure('input_invalid', { detail: 'the claims are not a JSON object' })
}
