/**
 * `npm run bench:instructions`: how many instructions of the backend reading the session costs, form by form.
 *
 * npm run bench:instructions -- [--postgres /usr/lib/postgresql/15]... [--executions 100] [--only <RegExp of names>]
 *   [--write | --check]
 * Needs valgrind. Counts on the embedded PostgreSQL, and on that of each folder that is named. Other work on the machine
 * changes nothing, and forms that differ by 1 % are told apart. With --write the table goes into docs/performance.md.
 * With --check, which is for every night, it fails where a form in force takes more than the table there says, by more than 3 %.
 */
import { execFileSync, spawn } from 'node:child_process'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pg from 'pg'
import {
  type Account,
  type PostgresPrograms,
  preparePrograms,
  programEnvironment,
} from '../packages/local/src/postgres/binaries.ts'
import { accountOf, createDataFolder } from '../packages/local/src/postgres/data-folder.ts'
import { sharedFolder } from '../packages/local/src/postgres/embedded.ts'
import { startServer } from '../packages/local/src/postgres/server.ts'
import {
  envelopeOf,
  ticketEnvelope,
  ticketSessionEnvelope,
  wholeEnvelope,
  wholeSessionEnvelope,
} from '../packages/rowpass/src/postgres/envelope.ts'
import { generateSealKey } from '../packages/rowpass/src/seal/keys.ts'
import { fillBenchDatabase } from './database.ts'
import { readRows, replaceSection, toTable } from './document.ts'
import { makeScratch } from './scratch.ts'
import { readForms, type SessionForm } from './session-forms.ts'
import { identityOf, notesOfOne, people, schemaOf, setUpForms, statementOf } from './session-stage.ts'

const { values } = parseArgs({
  options: {
    postgres: { type: 'string', multiple: true, default: [] },
    executions: { type: 'string', default: '100' },
    only: { type: 'string', default: '' },
    write: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
  },
})
const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
const tolerance = 0.03
const executions = Number(values.executions)
const key = generateSealKey('bench')

const columns: { version: string; counts: ReadonlyMap<string, number> }[] = []
for (const folder of [undefined, ...values.postgres]) columns.push(await countOn(folder))
const names = [...(columns[0]?.counts.keys() ?? [])]
const table = toTable(
  ['the policy reads the subject from', ...columns.map(({ version }) => `PostgreSQL ${version}`)],
  names.map((name) => [name, ...columns.map(({ counts }) => Math.round((counts.get(name) ?? Number.NaN) / 100) * 100)]),
)
const today = new Date().toISOString().slice(0, 10)
const lines = `${table}\n\nCounted ${today} with \`npm run bench:instructions -- ${process.argv.slice(2).join(' ')}\`.`
console.log(`\n${lines}`)
if (values.write) {
  replaceSection(page, 'bench:instructions', lines)
}
if (values.check) {
  const grown = compare()
  for (const said of grown) console.error(said)
  process.exitCode = grown.length > 0 ? 1 : 0
}

/** What takes more than the page says. @throws Error when none of it is on the page: then nothing was compared */
function compare(): string[] {
  const [head = [], , ...rows] = readRows(page, 'bench:instructions')
  let compared = 0
  const grown: string[] = []
  for (const { version, counts } of columns) {
    const column = head.indexOf(`PostgreSQL ${version}`)
    for (const [name, count] of counts) {
      const known = Number(rows.find(([each]) => each === name)?.[column]?.replaceAll(',', ''))
      if (Number.isNaN(known)) continue
      compared++
      if (count > known * (1 + tolerance)) {
        grown.push(`PostgreSQL ${version}, ${name}: ${Math.round(count)} instructions, ${known} before`)
      }
    }
  }
  if (compared === 0) throw new Error(`${page} has no counts of these versions`)
  return grown
}

/** The instructions of one execution under each form, by its name. */
async function countOn(folder: string | undefined): Promise<(typeof columns)[number]> {
  const directory = makeScratch()
  try {
    const dataDirectory = join(directory, 'postgres')
    const account = accountOf(dataDirectory)
    const programs = folder === undefined ? preparePrograms(account, { sharedFolder }) : programsIn(folder)
    const place = { account, programs, dataDirectory, logFile: join(directory, 'log') }
    const forms = await prepare(place, join(directory, 'state.json'))
    const counts = new Map<string, number>()
    for (const [index, form] of forms.entries()) {
      // What was tried and left out cannot grow.
      if (values.check && form.name.startsWith('–')) continue
      const few = await count(place, toScript(form, schemaOf(index), executions), executions)
      const many = await count(place, toScript(form, schemaOf(index), 2 * executions), 2 * executions)
      // The start of the process, its caches and the first plans are in both.
      const each = (many - few) / executions
      console.error(`PostgreSQL ${programs.version}, ${form.name}: ${Math.round(each)}`)
      counts.set(form.name, each)
    }
    return { version: programs.version, counts }
  } finally {
    rmSync(directory, { recursive: true, force: true })
  }
}

function programsIn(folder: string): PostgresPrograms {
  const postgres = join(folder, 'bin', 'postgres')
  const said = execFileSync(postgres, ['--version'], { encoding: 'utf8' })
  return { initdb: join(folder, 'bin', 'initdb'), postgres, version: /\(PostgreSQL\) (\S+)/.exec(said)?.[1] ?? said }
}

/** A server that is to be made, or has been. */
interface Place {
  readonly account: Account | undefined
  readonly programs: PostgresPrograms
  readonly dataDirectory: string
  readonly logFile: string
}

/** Makes the database; the server is stopped afterwards. */
async function prepare(place: Place, stateFile: string): Promise<SessionForm[]> {
  const password = 'of-a-throw-away-database'
  await createDataFolder(place.dataDirectory, { ...place, password, durable: false })
  const server = await startServer({ ...place, stateFile, durable: false, memoryMb: 0 })
  try {
    const urls = await fillBenchDatabase(
      `postgresql://postgres:${password}@127.0.0.1:${server.port}/postgres`,
      [key],
      people,
      notesOfOne,
    )
    const forms = (await readForms(urls.ownerUrl)).filter(({ name }) => new RegExp(values.only).test(name))
    await setUpForms(forms, urls)
    return forms
  } finally {
    await server.stop()
  }
}

/** Requests as the gateway makes them: the identity and the statement, both prepared, in one implicit transaction. */
function toScript(form: SessionForm, schema: string, times: number): string {
  const identities = Array.from({ length: form.admits ? times : people }, (_, person) => identityOf(form, key, person))
  const executed = (ticketed: boolean) =>
    identities.map((identity) => {
      const params = envelopeOf(identity, ticketed).params.map((value) => pg.escapeLiteral(value))
      return `execute ${ticketed ? 'ticket' : 'envelope'}(${params.join(', ')});`
    })
  const envelopes = executed(form.remembered === true)
  const admissions = form.remembered ? executed(false).map((whole) => `${whole} select rowpass.admit_identity()`) : []
  const requests = Array.from({ length: times }, (_, turn) => {
    const person = turn % people
    if (form.admits) return `${envelopes[turn]} select rowpass.admit_identity() as id`
    const statement = `execute own(${person * notesOfOne + 1})`
    return form.hasIdentity ? `${envelopes[person]} ${statement}` : statement
  })
  const oneLine = (sql: string) => sql.replaceAll(/\s+/g, ' ')
  return [
    `prepare envelope(text, text, text) as ${oneLine((form.hasSession ? wholeSessionEnvelope : wholeEnvelope).sql)}`,
    `prepare ticket(text, text) as ${oneLine((form.hasSession ? ticketSessionEnvelope : ticketEnvelope).sql)}`,
    `prepare own(int) as ${statementOf(schema)}`,
    ...admissions,
    ...requests,
    '',
  ].join('\n')
}

/**
 * The instructions of a server in single-user mode that runs a script, one line after the other.
 * @throws Error when valgrind is missing, or when not each execution finds its row
 */
async function count({ account, programs, dataDirectory }: Place, script: string, times: number): Promise<number> {
  const callgrind = ['--tool=callgrind', '--vgdb=no', `--callgrind-out-file=${join(dataDirectory, 'callgrind.out')}`]
  const server = [programs.postgres, '--single', '-D', dataDirectory, 'rowpass']
  const child = spawn('valgrind', [...callgrind, ...server], {
    ...account,
    cwd: '/',
    // Valgrind's own files: the account may not be let into the common folder.
    env: { ...programEnvironment, TMPDIR: dataDirectory },
  })
  const failed = new Promise<never>((_, reject) => child.once('error', reject))
  child.stdin.on('error', () => undefined)
  child.stdin.end(script)
  const [output, messages] = await Promise.race([failed, Promise.all([text(child.stdout), text(child.stderr)])])
  const rows = output.match(/^\t \d+: id = /gm)?.length ?? 0
  const collected = /Collected : (\d+)/.exec(messages)?.[1]
  if (collected === undefined || rows !== times) throw new Error(`${rows} of ${times} rows:\n${messages.slice(-2000)}`)
  return Number(collected)
}
