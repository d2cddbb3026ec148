/**
 * `npm run oracle`: generated SQL through the gateway, compared with a model and with a database that has other hidden rows;
 * exits 1 if they differ. See docs/security-testing.md.
 *
 * npm run oracle -- [--statements 1000000] [--seed N] [--round N] [--schema name] [--workers 2] [--write]
 * The seed is printed; a seed and a round are the same statements again. SIGINT ends it after the rounds under way.
 * With --write the page gets a line for this run.
 * TEST_DATABASE_URL may name the superuser of a throw-away server: its logins `rowpass_owner` and `rowpass_gateway` get
 * another password.
 */
import { type ChildProcess, execFileSync, fork } from 'node:child_process'
import { randomInt } from 'node:crypto'
import { readFileSync, rmSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { makeScratch } from '../bench/scratch.ts'
import { startEmbeddedPostgres } from '../packages/local/src/postgres/embedded.ts'
import { createLocalDatabase } from '../packages/local/src/postgres/local-database.ts'
import { provision } from '../packages/rowpass/src/database/provision.ts'
import { formatSealKeys, generateSealKey } from '../packages/rowpass/src/seal/keys.ts'
import {
  addReport,
  describeReport,
  newReport,
  type Report,
  summarize,
  totalOf,
} from '../packages/rowpass/test/oracle/oracle.ts'
import { schemas } from '../packages/rowpass/test/oracle/schemas.ts'
import type { Base } from '../packages/rowpass/test/oracle/stage.ts'
import type { FromWorker, ToWorker } from './oracle-worker.ts'

const { values } = parseArgs({
  options: {
    statements: { type: 'string', default: '1000000' },
    seed: { type: 'string', default: String(randomInt(2 ** 31)) },
    round: { type: 'string' },
    schema: { type: 'string' },
    workers: { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
  },
})
const [statements, seed] = [Number(values.statements), Number(values.seed)]
/** After so many a fault is known, and the rest would say the same. */
const maxFindings = 5
const progressMs = 10_000
/** A worker keeps a schema for so many rounds: to open one takes a second. */
const roundsOfBlock = 100

const page = 'docs/security-testing.md'
const place = /(<!-- oracle -->\n)([\s\S]*?)(\n<!-- end of oracle -->)/
const heading = '| commit | seed | statements | seconds | differences |'

const chosen = schemas.filter(({ name }) => values.schema === undefined || name === values.schema)
if (chosen.length === 0) throw new Error(`no such schema; there are ${schemas.map(({ name }) => name).join(', ')}`)
const schemaOf = (block: number) => chosen[block % chosen.length]?.name ?? ''

const server = await openServer()
try {
  process.exitCode = await main(await makeBase(server.url))
} finally {
  await server.close()
}

async function openServer(): Promise<{ url: string; close(): Promise<void> }> {
  if (process.env.TEST_DATABASE_URL) return { url: process.env.TEST_DATABASE_URL, close: async () => {} }
  const directory = makeScratch('rowpass-oracle')
  const server = await startEmbeddedPostgres({ directory, durable: false })
  const close = async () => {
    await server.stop()
    rmSync(directory, { recursive: true, force: true })
  }
  return { url: server.superuserUrl, close }
}

async function makeBase(superuserUrl: string): Promise<Base> {
  const ownerUrl = await createLocalDatabase(superuserUrl, 'owner-of-a-throw-away-database')
  const gatewayUrl = Object.assign(new URL(ownerUrl), {
    username: 'rowpass_gateway',
    password: 'gateway-of-a-throw-away-database',
  }).href
  const keys = [generateSealKey('oracle')]
  await provision({ ownerUrl, gatewayUrl, replaceGatewayPassword: true, sealKeys: keys })
  return { superuserUrl, ownerUrl, gatewayUrl, sealKeys: formatSealKeys(keys) }
}

async function main(base: Base): Promise<number> {
  const report = newReport()
  const startedAt = performance.now()
  const seconds = () => (performance.now() - startedAt) / 1000
  const progress = setInterval(() => {
    const { all } = totalOf(report)
    console.error(`${all} statements, ${(all / seconds()).toFixed(0)} a second, ${report.findings.length} differences`)
  }, progressMs)
  const only = values.round === undefined ? undefined : Number(values.round)
  console.log(
    `seed ${seed}, ${only === undefined ? `${statements} statements` : `round ${only}`}, schemas: ${chosen.map(({ name }) => name).join(', ')}`,
  )
  let block = 0
  let interrupted = false
  process.once('SIGINT', () => {
    interrupted = true
  })
  const enough = () => interrupted || totalOf(report).all >= statements || report.findings.length >= maxFindings
  const workers = Array.from({ length: only === undefined ? Number(values.workers) : 1 }, async (_, index) => {
    const worker = startWorker(`oracle_${process.pid}_${index}`, base, report)
    while (!enough()) {
      if (only !== undefined) {
        await worker.run({ seed, schema: schemaOf(Math.floor(only / roundsOfBlock)), rounds: [only] }, enough)
        break
      }
      const first = block++ * roundsOfBlock
      const rounds = Array.from({ length: roundsOfBlock }, (_, n) => first + n)
      await worker.run({ seed, schema: schemaOf(first / roundsOfBlock), rounds }, enough)
    }
    await worker.end()
  })
  await Promise.all(workers)
  clearInterval(progress)
  const { all } = totalOf(report)
  const took = `${seconds().toFixed(0)} s with ${workers.length} processes, ${(all / seconds()).toFixed(0)} a second`
  const [name, found] = [commit(), report.findings.length]
  console.log(
    `\nSeed ${seed}, commit ${name}: ${all} statements over ${chosen.length} schemas in ${took}: ${found} differences.`,
  )
  console.log(`\n${describeReport(report)}`)
  if (values.write) addRun([name, seed, all, seconds().toFixed(0), found], summarize(report))
  return report.findings.length === 0 ? 0 : 1
}

function commit(): string {
  const git = (...given: string[]) => execFileSync('git', given, { encoding: 'utf8' }).trim()
  return `${git('rev-parse', '--short', 'HEAD')}${git('status', '--porcelain', '--', ':!docs') === '' ? '' : ' with changes'}`
}

/** Adds a line to the runs on the page, with their sums, and puts the counts of this one below them. */
function addRun(run: readonly (string | number)[], summary: string): void {
  const text = readFileSync(page, 'utf8')
  const before = place.exec(text)?.[2]
  if (before === undefined) throw new Error(`${page} has no place for the result`)
  const earlier = before.split(heading)[1]?.split('\n\n')[0]?.split('\n').slice(2) ?? []
  const runs = [...earlier, `| ${run.join(' | ')} |`]
  const sum = (column: number) => runs.reduce((total, line) => total + Number(line.split('|')[column]), 0)
  const title = `${sum(3)} statements in ${runs.length} runs, ${sum(5)} differences.`
  const table = [heading, '| --- | ---: | ---: | ---: | ---: |', ...runs].join('\n')
  const all = [title, table, 'The last run:', summary].join('\n\n')
  writeFileSync(
    page,
    text.replace(place, (_, start: string, _before: string, end: string) => `${start}${all}${end}`),
  )
}

/** A process that runs rounds and tells of each. */
function startWorker(prefix: string, base: Base, report: Report) {
  const child: ChildProcess = fork(new URL('oracle-worker.ts', import.meta.url), {
    stdio: ['ignore', 'inherit', 'inherit', 'ipc'],
  })
  const next = () =>
    new Promise<FromWorker>((resolve, reject) => {
      const ended = (code: number | null) => reject(new Error(`a worker ended with ${code}`))
      child.once('exit', ended)
      child.once('message', (message: FromWorker) => {
        child.off('exit', ended)
        resolve(message)
      })
    })
  const send = (message: ToWorker) => child.send(message)
  return {
    /** @param enough asked after each round */
    async run(task: { seed: number; schema: string; rounds: readonly number[] }, enough: () => boolean): Promise<void> {
      for (const round of task.rounds) {
        send({ base, prefix, seed: task.seed, schema: task.schema, round })
        const { counts, codes, findings } = await next()
        addReport(report, { counts: new Map(counts), codes: new Map(codes), findings: [...findings] })
        if (enough()) return
      }
    },
    end: () =>
      new Promise<void>((resolve) => {
        child.once('exit', () => resolve())
        send('end')
      }),
  }
}
