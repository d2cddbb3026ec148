/**
 * `npm run bench:floods`: what others notice of token holders who flood the gateway, for each kind of flood. The gateway,
 * the victims and the flooder are processes of their own. Three victims send a known statement, 150 times a second in all,
 * whether or not they are answered.
 *
 * Quiet and flooded seconds take turns, as the machine's other work changes from minute to minute, and what is told of both
 * are medians of these rounds. What is one thread's fault is told from what other work takes by the longest turn of the
 * gateway's loop in CPU time of that thread, and by a row in which the flooder's place is taken by a process that only
 * computes. Each row is printed when it is measured.
 *
 * npm run bench:floods -- [--seconds 3] [--rounds 3] [--only <part of a name>] [--eager] [--profile <folder>] [--write]
 *
 * --eager   the flooder takes its full part of the processors: more memory is filled, and times tell less
 * --profile writes V8 profiles of the gateway
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compileSubjects } from './build.ts'
import { type Cell, replaceSection, toTable } from './document.ts'
import { cpuMs, type Peer, startPeer } from './processes.ts'
import { noteSql } from './scene.ts'
import { setStage } from './stage.ts'
import { median, percentile } from './statistics.ts'
import type { Flood, FloodJob, FloodResult } from './subjects/flood.ts'
import type { Strain } from './subjects/gateway.ts'
import type { LoadJob, LoadResult } from './subjects/load.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '3' },
    rounds: { type: 'string', default: '3' },
    only: { type: 'string', default: '' },
    eager: { type: 'boolean', default: false },
    profile: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const durationMs = Number(values.seconds) * 1_000
const mebibyte = 1_048_576
/** Of a window, beyond its length: a gateway that does not answer is an error, and not a command that never ends. */
const patienceMs = 60_000

const changing = 'a0000000'
const list = (unit: string, length: number) =>
  `select ${changing}${`,${unit}`.repeat(length / (unit.length + 1) - changing.length)}`
const assign = (columns: number) =>
  `update notes set (${Array(columns).fill('body').join()}) = row(${changing}${',1'.repeat(columns - 1)})`
const query = (sql: string, params: readonly unknown[] = []) => JSON.stringify({ query: sql, params })
const batch = (size: number, sql: string) => JSON.stringify({ queries: Array(size).fill({ query: sql }) })
const names = Array.from({ length: 600_000 }, (_, n) => `"${n.toString(36)}":1`).join()

const floods: Readonly<Record<string, Flood>> = {
  'one text of 1 MiB': { body: query(list('a', mebibyte)), sockets: 16, reads: true },
  'batches of 8 texts of 1 MiB': { body: batch(8, list('a', mebibyte)), sockets: 16, reads: true },
  'batches of 8 texts of 600 KB': { body: batch(8, list('a', 600_000)), sockets: 16, reads: true },
  'new texts of 8 KB': { body: query(list('-a', 8_000)), sockets: 16, reads: true },
  'trees that are the square of their text': { body: query(assign(700)), sockets: 16, reads: true },
  '8 MB of brackets': { body: '['.repeat(8_000_000), sockets: 8, reads: true },
  '8 MB of names': { body: `{"query":"select $1","params":[{${names}}]}`, sockets: 4, reads: true },
  '9 MB of parameter': { body: query('select length($1)', ['é'.repeat(4_500_000)]), sockets: 16, reads: true },
  '9 MB of answer, read': { body: query('select repeat($1, 9000000)', ['x']), sockets: 4, reads: true },
  '64 answers of 9 MB, unread': { body: query('select repeat($1, 9000000)', ['x']), sockets: 64, reads: false },
}

const holders = 10
const stage = await setStage({ owners: 3 + holders, notesOfOne: 10, poolSize: 4 })
const victims = stage.scene.callers.slice(0, 3)
const flooders = stage.scene.callers.slice(3).map(({ token }) => token)
const compiled = compileSubjects()
const execArgv = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]
const gateway = startPeer(compiled('gateway'), [], execArgv)
const load = startPeer(compiled('load'))
const flooder = startPeer(compiled('flood'))
const port = await gateway.ask<number>({ ...stage.scene, settings: { ROWPASS_IDENTITY_LIMIT: '64' } })

const headOf = (token: string) =>
  `host: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\nneon-raw-text-output: true\r\n` +
  'neon-connection-string: postgresql://authenticated@db.example.test/rowpass\r\n'
const victimJob: LoadJob = {
  port,
  requests: victims.map(({ token, noteIds }) => {
    const body = query(noteSql, [noteIds[0]])
    return `POST /sql HTTP/1.1\r\n${headOf(token)}content-length: ${body.length}\r\n\r\n${body}`
  }),
  ...{ clients: 12, rate: 150, durationMs, expect: '"rowCount":1' },
}

interface Window {
  readonly load: LoadResult
  readonly strain: Strain
  /** Of the gateway's process, its other threads included. */
  readonly cpuMs: number
  readonly answers: FloodResult
}

/** What takes the place of a flood: undefined for nothing. */
type Disturbance = Pick<FloodJob, 'heads' | 'floods'> | 'compute' | undefined

async function measure(disturbance: Disturbance): Promise<Window> {
  await ask(gateway, 'strain')
  const cpuBefore = cpuMs(gateway.pid)
  const computing = disturbance === 'compute' ? startPeer(compiled('compute')) : undefined
  const job: FloodJob | undefined =
    typeof disturbance === 'object' ? { ...disturbance, port, durationMs, eager: values.eager } : undefined
  const flooded = job === undefined ? {} : ask<FloodResult>(flooder, job)
  const measured = await ask<LoadResult>(load, victimJob)
  const answers = await flooded
  await computing?.stop()
  return {
    ...{ load: measured, strain: await ask<Strain>(gateway, 'strain'), answers },
    cpuMs: cpuMs(gateway.pid) - cpuBefore,
  }
}

async function ask<Answer>(peer: Peer, question: unknown): Promise<Answer> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('one of the processes does not answer')), durationMs + patienceMs)
  })
  try {
    return await Promise.race([peer.ask<Answer>(question), late])
  } finally {
    clearTimeout(timer)
  }
}

const head = [
  ...['flood', 'victims answered', 'quiet p50 ms', 'quiet p99 ms', 'p50 ms', 'p99 ms', 'p99 × quiet'],
  ...['longest turn, CPU ms', 'wall ms', 'loop busy %', 'CPU of the process %'],
  ...['quiet RSS MiB', 'RSS MiB', 'of it heap', 'buffers', 'flooder got'],
]

interface Round {
  readonly quiet: Window
  readonly flooded: Window
}

function toRow(name: string, rounds: readonly Round[]): Cell[] {
  const middle = (read: (round: Round) => number) => median(rounds.map(read))
  const highest = (read: (round: Round) => number) => Math.max(...rounds.map(read))
  const at = (percent: number, { load: { latenciesMs } }: Window) => percentile(latenciesMs, percent)
  const all = rounds.reduce((sum, { flooded }) => sum + flooded.load.latenciesMs.length, 0)
  const answered = rounds.reduce((sum, { flooded: { load } }) => sum + load.requests - load.failures, 0)
  const peaks = rounds.map(({ flooded }) => flooded.strain.memory).toSorted((a, b) => b.rss - a.rss)
  const { rss = 0, heap = 0, buffers = 0 } = peaks[0] ?? {}
  const got: Record<string, number> = {}
  for (const { flooded } of rounds) {
    for (const [status, count] of Object.entries(flooded.answers)) got[status] = (got[status] ?? 0) + count
  }
  return [
    ...[name, `${answered} of ${all}`],
    ...[middle(({ quiet }) => at(50, quiet)), middle(({ quiet }) => at(99, quiet))],
    ...[middle(({ flooded }) => at(50, flooded)), middle(({ flooded }) => at(99, flooded))],
    middle(({ quiet, flooded }) => at(99, flooded) / at(99, quiet)),
    ...[highest(({ flooded }) => flooded.strain.turn.cpuMs), highest(({ flooded }) => flooded.strain.turn.wallMs)],
    middle(({ flooded }) => (flooded.strain.turn.usedMs / durationMs) * 100),
    middle(({ flooded }) => (flooded.cpuMs / durationMs) * 100),
    Math.min(...rounds.map(({ quiet }) => quiet.strain.memory.rss)) / mebibyte,
    ...[rss, heap, buffers].map((bytes) => bytes / mebibyte),
    Object.entries(got)
      .map(([status, count]) => `${count} × ${status}`)
      .join(', '),
  ]
}

const [first = ''] = flooders
const headsOfAll = flooders.map(headOf)
const disturbances: [name: string, disturbance: Disturbance][] = [
  ['none; a process computes', 'compute'],
  ...Object.entries(floods).map(([name, flood]): [string, Disturbance] => [
    name,
    { heads: [headOf(first)], floods: [flood] },
  ]),
  ['all of these at once', { heads: [headOf(first)], floods: Object.values(floods) }],
  [`all of these at once, by ${holders} tenants`, { heads: headsOfAll, floods: Object.values(floods) }],
]

await measure(undefined)
const start = (await measure(undefined)).strain.memory.rss / mebibyte
const rows: Cell[][] = []
let highest = start
for (const [name, disturbance] of disturbances) {
  if (!name.includes(values.only)) continue
  const rounds: Round[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    rounds.push({ quiet: await measure(undefined), flooded: await measure(disturbance) })
    // What the flood has left under way is no part of the quiet that comes next.
    await new Promise((resolve) => setTimeout(resolve, 1_000))
  }
  const row = toRow(name, rounds)
  rows.push(row)
  for (const { flooded } of rounds) highest = Math.max(highest, flooded.strain.memory.rss / mebibyte)
  console.log(
    toTable(head, [row])
      .split('\n')
      .slice(rows.length === 1 ? 0 : 2)
      .join('\n'),
  )
  const failure = rounds.map(({ flooded }) => flooded.load.firstFailure).find((each) => each !== undefined)
  if (failure !== undefined) console.error(`  the first victim that was refused got: ${failure}`)
}
const today = new Date().toISOString().slice(0, 10)
const memory = `Memory of the gateway: ${Math.round(start)} MiB before the first flood, ${Math.round(highest)} MiB at most, +${Math.round(highest - start)}.`
const measured = `Measured ${today} with \`npm run bench:floods -- ${process.argv.slice(2).join(' ')}\`: Node ${process.version}.`
console.log(`\n${memory}\n${measured}`)
if (values.write) {
  const lines = `${toTable(head, rows)}\n\n${memory} ${measured}`
  replaceSection(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), 'bench:floods', lines)
}
await Promise.all([gateway.stop(), load.stop(), flooder.stop()])
await stage.close()
