/**
 * `rowpass test generate`: writes an isolation suite from what a database does.
 */
import { readFileSync, writeFileSync } from 'node:fs'
import { resolve } from 'node:path'
import { Command, Option } from 'commander'
import { isErrno } from '../../database/private-files.ts'
import { Failure } from '../../errors.ts'
import { parseIdentities } from '../../matrix/subjects.ts'
import { type Candidate, generateSuite } from '../../testing/generate.ts'
import { namedDatabase } from '../chosen-database.ts'
import type { Io } from '../io.ts'

const help = `
Each person tries each statement for real, in a transaction that is rolled back; the outcome becomes a test. Read the
file before you keep it: it says what is allowed, not what should be. Triggers fire, so give it a database for tests, with
rows of each person. The login is a superuser, or the owner of the tables.

People are a JSON array, the same as for rowpass matrix; without a role it is one that policies and grants name for requests
with claims or without:
  [{ "name": "ada", "role": "authenticated", "claims": { "sub": "…", "tenant_id": "…" } }, { "name": "nobody" }]

The database is --database-url, else OWNER_DATABASE_URL. A URL on the command line can be seen by other users of the
machine: prefer the variable.

Examples:
  $ npx rowpass test generate --identities people.json --out test/isolation.test.ts
  $ npx rowpass test generate --identities people.json --runner node --only users > isolation.test.mjs`

interface Options {
  readonly databaseUrl?: string
  readonly identities: string
  readonly out?: string
  readonly runner: 'vitest' | 'node'
  readonly only?: string
}

/** The shell side of the command. */
export function defineGenerate(io: Io): Command {
  return new Command('generate')
    .summary('write an isolation suite from what the database does')
    .requiredOption('--identities <file>', 'the people, as JSON')
    .option('--database-url <url>', 'the database')
    .option('--out <file>', 'where to write it; an existing file is not overwritten (default: standard output)')
    .addOption(new Option('--runner <name>', 'which runner it is for').choices(['vitest', 'node']).default('vitest'))
    .option('--only <text>', 'only tables whose name contains this')
    .addHelpText('after', help)
    .action((options: Options) => generateCommand(io, options))
}

async function generateCommand(io: Io, { databaseUrl, identities, out, runner, only }: Options): Promise<void> {
  const text = await generateSuite({
    databaseUrl: namedDatabase(io, databaseUrl),
    people: readPeople(resolve(io.cwd, identities)),
    runner,
    ...(only !== undefined && { only }),
    onProgress: (line) => io.stderr(`${line}\n`),
  })
  if (out === undefined) return io.stdout(text)
  try {
    writeFileSync(resolve(io.cwd, out), text, { flag: 'wx' })
  } catch (error) {
    const reason = isErrno(error, 'EEXIST') ? 'is there already' : 'cannot be written'
    throw new Failure('config_invalid', { detail: `${out} ${reason}`, cause: error })
  }
  io.stdout(`wrote ${out}\n`)
}

function readPeople(path: string): Candidate[] {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch (error) {
    throw new Failure('config_invalid', { detail: `${path} cannot be read`, cause: error })
  }
  try {
    return parseIdentities(toJson(text)).map(({ name, role, claims }) => ({ name, claims, ...(role && { role }) }))
  } catch (error) {
    if (!(error instanceof Failure)) throw error
    throw new Failure('config_invalid', { detail: `${path}: ${error.message}`, cause: error })
  }
}

function toJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
