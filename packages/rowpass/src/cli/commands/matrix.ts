/**
 * `rowpass matrix`: tries what each identity may do with each table, and shows it.
 */

import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command } from 'commander'
import type { Style } from '../../access/style.ts'
import { withConnection } from '../../database/connect.ts'
import { isErrno } from '../../database/private-files.ts'
import { Failure } from '../../errors.ts'
import { compareApprovals, isAlarming, parseApproval, printApproval, toApproval } from '../../matrix/approval.ts'
import type { Matrix } from '../../matrix/cell.ts'
import { drawMatrix, type MatrixOptions } from '../../matrix/draw.ts'
import { renderPage } from '../../matrix/page.ts'
import { printDifferences, printMatrix } from '../../matrix/terminal.ts'
import { parseTimeout } from '../input.ts'
import { bold, dim, exitCodes, type Io, red, type SetExitCode } from '../io.ts'
import { isWrongUsage, renderError } from '../render-error.ts'
import { withSubject } from '../script-database.ts'

const help = `
Each identity tries SELECT, INSERT, UPDATE and DELETE on each table, in one transaction that is rolled back. Sequences are not
advanced, and no trigger is fired that could reach out of the transaction. docs/matrix.md says how each cell is tried.

The database is --database-url, else OWNER_DATABASE_URL, else the one that runs in this folder. A URL on the command line
can be seen by other users of the machine: prefer the variable. It needs a superuser, an owner, or a role with BYPASSRLS.

With a path, it is what files make, as for "rowpass doctor"; rows come from a dump or from a seed that is named after it.

Identities are sampled from a table of users unless they are given:
  [{ "name": "Ada", "role": "authenticated", "claims": { "sub": "…", "tenant_id": "…" } }]

Exit codes: 0 done, 1 --check found access that is not approved, 2 wrong usage, 3 nothing runs in this folder,
4 the database could not be tried.

Examples:
  $ npx rowpass matrix
  $ npx rowpass matrix drizzle seed.sql
  $ npx rowpass matrix --identities people.json --html matrix.html
  $ npx rowpass matrix --sample "select email as name, json_build_object('sub', id, 'org_id', org_id) as claims from users limit 4"
  $ npx rowpass matrix --identities people.json --write matrix.json
  $ npx rowpass matrix --identities people.json --check matrix.json`

interface Options {
  readonly databaseUrl?: string
  readonly identities?: string
  readonly sample?: string
  readonly role?: string
  readonly schema?: readonly string[]
  readonly table?: readonly string[]
  readonly tenantColumn?: readonly string[]
  readonly tenantClaim?: string
  readonly readOnly?: true
  readonly fireTriggers?: true
  readonly advanceSequences?: true
  readonly lock: boolean
  readonly timeout: number
  readonly json?: true
  readonly html?: string
  readonly write?: string
  readonly check?: string
  readonly exact?: true
}

/** The shell side of the command. */
export function define(io: Io, setExitCode: SetExitCode): Command {
  return new Command('matrix')
    .argument('[path...]', 'files of SQL or folders of migrations to try, instead of a database')
    .option('--database-url <url>', 'the database; with a path, the server to run it on')
    .option('--identities <file>', 'the identities, as JSON')
    .option('--sample <sql>', 'a query for the identities: name, role, claims, tenants')
    .option('--role <name>', 'database role of identities that name none (default: found out)')
    .option('--schema <name...>', 'these schemas only')
    .option('--table <name...>', 'these tables only, with or without their schema')
    .option('--tenant-column <name...>', 'column, or table.column, that says whose row it is')
    .option('--tenant-claim <name>', 'claim that says whose rows are own, such as app_metadata.tenant_id')
    .option('--read-only', 'run only SELECT; judge the others by privileges and policies')
    .option('--fire-triggers', 'also fire triggers that a rollback may not undo')
    .option('--advance-sequences', 'also try INSERT where it takes a value from a sequence')
    .option('--no-lock', 'never lock a table to count rows that FORCE hides from its owner')
    .option('--timeout <seconds>', 'for each statement, 1 to 600', parseTimeout, 10)
    .option('--json', 'print everything as JSON')
    .option('--html <file>', 'write a page that needs nothing else')
    .option('--write <file>', 'write the matrix to approve: verdicts without numbers')
    .option('--check <file>', 'compare with an approved matrix; exit code 1 on access that it does not have')
    .option('--exact', 'with --check, any difference fails')
    .addHelpText('after', help)
    .action(async (paths: string[], options: Options) => setExitCode(await matrixCommand(io, paths, options)))
}

async function matrixCommand(io: Io, paths: readonly string[], options: Options): Promise<number> {
  try {
    return await drawAndShow(io, paths, options)
  } catch (error) {
    renderError(io, error)
    if (!(error instanceof Failure)) return exitCodes.unexamined
    if (error.code === 'not_running') return exitCodes.notRunning
    return isWrongUsage(error) ? exitCodes.usage : exitCodes.unexamined
  }
}

async function drawAndShow(io: Io, paths: readonly string[], options: Options): Promise<number> {
  const read = (path: string | undefined) => (path === undefined ? undefined : readText(io, path))
  // Before the work of a minute: a file that is not there would make it in vain.
  const [file, approved] = [read(options.identities), read(options.check)]
  const approval = approved === undefined ? undefined : parseApproval(approved)
  const matrix = await withSubject(io, { given: options.databaseUrl, paths }, (url) =>
    withConnection(url, (client) => drawMatrix(client, toMatrixOptions(io, options, file))),
  )
  const style: Style = { bold: (text) => bold(io, text), dim: (text) => dim(io, text), red: (text) => red(io, text) }
  const today = toApproval(matrix)
  if (options.html !== undefined) write(io, options.html, renderPage(matrix))
  if (options.write !== undefined) write(io, options.write, printApproval(today))
  if (options.json === true) io.stdout(`${JSON.stringify(matrix)}\n`)
  else if (approval === undefined) io.stdout(printMatrix(matrix, style))
  if (approval === undefined) return exitCodes.done
  const differences = compareApprovals(approval, today)
  const failing = options.exact === true ? differences : differences.filter(isAlarming)
  const print = options.json === true ? io.stderr : io.stdout
  print(printDifferences(differences, style))
  print(`${summarise(matrix, differences.length, failing.length)}\n`)
  return failing.length > 0 ? exitCodes.failed : exitCodes.done
}

function toMatrixOptions(io: Io, options: Options, file: string | undefined): MatrixOptions {
  const { sample, role, schema, table, tenantColumn, tenantClaim } = options
  return {
    ...(file !== undefined && { file }),
    ...(sample !== undefined && { sample }),
    ...(role !== undefined && { role }),
    ...(schema !== undefined && { schemas: schema }),
    ...(table !== undefined && { tables: table }),
    ...(tenantColumn !== undefined && { tenantColumns: tenantColumn }),
    ...(tenantClaim !== undefined && { tenantClaim }),
    readOnly: options.readOnly === true,
    fireTriggers: options.fireTriggers === true,
    advanceSequences: options.advanceSequences === true,
    liftForce: options.lock,
    timeoutMs: options.timeout * 1_000,
    onProgress: (text) => io.stderr(`${text}\n`),
  }
}

function summarise({ tables, subjects }: Matrix, differences: number, failing: number): string {
  const covers = `${subjects.length} identities on ${tables.length} tables`
  if (differences === 0) return `${covers}: as approved`
  const counted = differences === 1 ? '1 difference' : `${differences} differences`
  return failing === 0
    ? `${covers}: ${counted}, none of them new access`
    : `${covers}: ${counted}, ${failing} not approved`
}

function readText(io: Io, path: string): string {
  try {
    return readFileSync(resolve(io.cwd, path), 'utf8')
  } catch (error) {
    const detail = isErrno(error, 'ENOENT') ? `there is no file ${path}` : `${path} cannot be read`
    throw new Failure('input_invalid', { detail, cause: error })
  }
}

function write(io: Io, path: string, text: string): void {
  try {
    writeFileSync(resolve(io.cwd, path), text)
  } catch (error) {
    throw new Failure('input_invalid', { detail: `${path} cannot be written`, cause: error })
  }
  io.stderr(`wrote ${path}\n`)
}
