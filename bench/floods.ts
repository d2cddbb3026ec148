/**
 * `npm run bench:floods`: what others notice of one token holder who floods the gateway, for each kind of flood. The gateway,
 * the victims and the flooder are processes of their own. Three victims send a known statement, 150 times a second in all,
 * whether or not they are answered.
 *
 * What is one thread's fault is told from what the machine's other work takes by the longest turn of the gateway's loop in
 * CPU time of that thread, and by a row in which the flooder's place is taken by a process that only computes.
 *
 * npm run bench:floods -- [--seconds 5] [--only <part of a name>] [--profile <folder for V8 profiles>] [--write]
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compileSubjects } from './build.ts'
import { replaceSection, toTable } from './document.ts'
import { cpuMs, residentBytes, startPeer } from './processes.ts'
import { noteSql } from './scene.ts'
import { setStage } from './stage.ts'
import { percentile } from './statistics.ts'
import type { FloodJob, FloodResult } from './subjects/flood.ts'
import type { LoadJob, LoadResult } from './subjects/load.ts'
import type { LongestTurn } from './subjects/turns.ts'

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    only: { type: 'string', default: '' },
    profile: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
})
const durationMs = Number(values.seconds) * 1_000
const mebibyte = 1_048_576

const changing = 'a0000000'
const list = (unit: string, length: number) =>
  `select ${changing}${`,${unit}`.repeat(length / (unit.length + 1) - changing.length)}`
const assign = (columns: number) =>
  `update notes set (${Array(columns).fill('body').join()}) = row(${changing}${',1'.repeat(columns - 1)})`
const query = (sql: string, params: readonly unknown[] = []) => JSON.stringify({ query: sql, params })
const batch = (size: number, sql: string) => JSON.stringify({ queries: Array(size).fill({ query: sql }) })
const names = Array.from({ length: 600_000 }, (_, n) => `"${n.toString(36)}":1`).join()

type Flood = Pick<FloodJob, 'body' | 'sockets' | 'reads'>
const floods: Record<string, Flood> = {
  'one text of 1 MiB': { body: query(list('a', mebibyte)), sockets: 16, reads: true },
  'batches of 8 texts of 1 MiB': { body: batch(8, list('a', mebibyte)), sockets: 16, reads: true },
  'batches of 8 texts of 600 KB': { body: batch(8, list('a', 600_000)), sockets: 16, reads: true },
  'new texts of 8 KB': { body: query(list('-a', 8_000)), sockets: 16, reads: true },
  'trees that are the square of their text': { body: query(assign(700)), sockets: 16, reads: true },
  '8 MB of brackets': { body: '['.repeat(8_000_000), sockets: 8, reads: true },
  '8 MB of names': { body: `{"query":"select $1","params":[{${names}}]}`, sockets: 4, reads: true },
  '9 MB of answer, read': { body: query('select repeat($1, 9000000)', ['x']), sockets: 4, reads: true },
  '64 answers of 9 MB, unread': { body: query('select repeat($1, 9000000)', ['x']), sockets: 64, reads: false },
}

const stage = await setStage({ owners: 4, notesOfOne: 10, poolSize: 4 })
const [flooderToken = '', ...victimTokens] = stage.scene.callers.map(({ token }) => token)
const compiled = compileSubjects()
const execArgv = values.profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${values.profile}`]
const gateway = startPeer(compiled('gateway'), [], execArgv)
const victims = startPeer(compiled('load'))
const flooder = startPeer(compiled('flood'))
const port = await gateway.ask<number>({ ...stage.scene, settings: { ROWPASS_IDENTITY_LIMIT: '64' } })

const headOf = (token: string) =>
  `host: 127.0.0.1:${port}\r\nauthorization: Bearer ${token}\r\nneon-raw-text-output: true\r\n` +
  'neon-connection-string: postgresql://authenticated@db.example.test/rowpass\r\n'
const victimJob: LoadJob = {
  port,
  requests: victimTokens.map((token, index) => {
    const body = query(noteSql, [stage.scene.callers[index + 1]?.noteIds[0]])
    return `POST /sql HTTP/1.1\r\n${headOf(token)}content-length: ${body.length}\r\n\r\n${body}`
  }),
  ...{ clients: 12, rate: 150, durationMs, expect: '"rowCount":1' },
}

interface Measured {
  readonly load: LoadResult
  readonly turn: LongestTurn
  readonly residentMiB: number
  /** Of the gateway's process, its other threads included. */
  readonly cpuMs: number
  readonly answers: string
}

async function measure(flood?: Flood): Promise<Measured> {
  await gateway.ask('turns')
  const cpuBefore = cpuMs(gateway.pid)
  let resident = 0
  const sampler = setInterval(() => {
    resident = Math.max(resident, residentBytes(gateway.pid))
  }, 20)
  const job: FloodJob | undefined = flood && { ...flood, port, head: headOf(flooderToken), durationMs }
  const flooded = job === undefined ? undefined : flooder.ask<FloodResult>(job)
  const load = await victims.ask<LoadResult>(victimJob)
  const answers = Object.entries((await flooded) ?? {}).map(([status, count]) => `${count} × ${status}`)
  clearInterval(sampler)
  return {
    ...{ load, turn: await gateway.ask<LongestTurn>('turns'), residentMiB: resident / mebibyte },
    ...{ cpuMs: cpuMs(gateway.pid) - cpuBefore, answers: answers.join(', ') },
  }
}

await measure()
const rows: [name: string, quiet: Measured, measured: Measured][] = []
// The machine's other work changes from minute to minute, so that each flood has a quiet time of its own beside it.
const computing = startPeer(compiled('compute'))
const computed = await measure()
await computing.stop()
rows.push(['none; a process computes', await measure(), computed])
for (const [name, flood] of Object.entries(floods)) {
  if (!name.includes(values.only)) continue
  rows.push([name, await measure(), await measure(flood)])
  await new Promise((resolve) => setTimeout(resolve, 1_000))
}
const p99 = ({ load }: Measured) => percentile(load.latenciesMs, 99)
const table = toTable(
  [
    ...['flood', 'victims answered', 'quiet p99 ms', 'p50 ms', 'p99 ms', '× quiet', 'longest turn, CPU ms', 'wall ms'],
    ...['loop busy %', 'CPU of the process %', 'quiet RSS MiB', 'RSS MiB', 'flooder got'],
  ],
  rows.map(([name, quiet, measured]) => {
    const { load, turn, residentMiB, answers } = measured
    return [
      ...[name, `${load.requests - load.failures} of ${load.latenciesMs.length}`],
      ...[
        p99(quiet),
        percentile(load.latenciesMs, 50),
        p99(measured),
        p99(measured) / p99(quiet),
        turn.cpuMs,
        turn.wallMs,
      ],
      ...[(turn.usedMs / durationMs) * 100, (measured.cpuMs / durationMs) * 100],
      ...[quiet.residentMiB, residentMiB, answers],
    ]
  }),
)
const today = new Date().toISOString().slice(0, 10)
const lines = `${table}\n\nMeasured ${today} with \`npm run bench:floods -- ${process.argv.slice(2).join(' ')}\`: Node ${process.version}.`
console.log(lines)
if (values.write) {
  replaceSection(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), 'bench:floods', lines)
}
await Promise.all([gateway.stop(), victims.stop(), flooder.stop()])
await stage.close()
