/**
 * `npm run bench:floods`: what others notice of one token holder who floods the gateway, for each kind of flood. The
 * victims send one known statement over and over; beside them somebody asks for /healthz, which takes nothing but a turn
 * of the gateway's thread, so that the longest answer is how long that was kept busy, at most.
 *
 * npm run bench:floods -- [--seconds 5] [--only <part of a name>]
 */
import { Agent, type IncomingMessage, request } from 'node:http'
import { parseArgs } from 'node:util'
import { compileSubjects } from './build.ts'
import { toTable } from './document.ts'
import { residentBytes, startPeer } from './processes.ts'
import { noteSql } from './scene.ts'
import { setStage } from './stage.ts'
import { percentile } from './statistics.ts'

const { values } = parseArgs({
  options: { seconds: { type: 'string', default: '5' }, only: { type: 'string', default: '' } },
})
const durationMs = Number(values.seconds) * 1_000
const victims = 3
const mebibyte = 1_048_576

const list = (unit: string, length: number) => `select ${unit}${`,${unit}`.repeat(length / (unit.length + 1))}`
const assign = (columns: number) =>
  `update notes set (${Array(columns).fill('body').join()}) = row(${Array(columns).fill('1').join()})`
const body = (query: string, params: readonly unknown[] = []) => JSON.stringify({ query, params })
const batch = (length: number, query: (index: number) => string) =>
  JSON.stringify({ queries: Array.from({ length }, (_, index) => ({ query: query(index) })) })
let count = 0

/** A body by the name of its flood; how many are under way at once; whether the answers are read. */
const floods: readonly [name: string, make: () => string, atOnce: number, reads: boolean][] = [
  ['one text of 1 MiB', () => body(list(`a${count++}`, mebibyte)), 16, true],
  ['16 batches of 8 texts of 1 MiB', () => batch(8, () => list(`a${count++}`, mebibyte)), 16, true],
  ['16 batches of 8 texts of 600 KB', () => batch(8, () => list(`a${count++}`, 600_000)), 16, true],
  ['new texts of 8 KB', () => body(list(`-a${count++}`, 8_000)), 16, true],
  ['trees that are the square of their text', () => body(assign(300 + (count++ % 500))), 16, true],
  ['8 MB of brackets', () => '['.repeat(8_000_000), 8, true],
  [
    '8 MB of names',
    () => `{"a":{${Array.from({ length: 600_000 }, (_, n) => `"${n.toString(36)}":1`).join()}}}`,
    4,
    true,
  ],
  ['9 MB of answer, read', () => body('select repeat($1, 9000000)', ['x']), 4, true],
  ['64 answers of 9 MB, unread', () => body('select repeat($1, 9000000)', ['x']), 64, false],
]

const stage = await setStage({ owners: victims + 1, notesOfOne: 10, poolSize: 4 })
const gateway = startPeer(compileSubjects()('gateway'))
const port = await gateway.ask<number>({ ...stage.scene, settings: { ROWPASS_IDENTITY_LIMIT: '64' } })
const callers = stage.scene.callers
const connectionString = 'postgresql://authenticated@db.example.test/rowpass'

function send(
  agent: Agent,
  path: string,
  token = '',
  text?: string,
  reads = true,
): Promise<IncomingMessage | undefined> {
  return new Promise((resolve) => {
    const headers = {
      authorization: `Bearer ${token}`,
      'neon-connection-string': connectionString,
      'neon-raw-text-output': 'true',
    }
    const sent = request({ port, path, agent, headers, method: text === undefined ? 'GET' : 'POST' }, (answer) => {
      if (!reads) return resolve(answer)
      answer.resume().on('close', () => resolve(answer))
    })
    sent.on('error', () => resolve(undefined))
    sent.end(text)
  })
}

interface Measured {
  readonly victimMs: Float64Array
  readonly turnMs: Float64Array
  readonly failed: number
  readonly residentMiB: number
}

/** Measures the victims while `flood` runs. */
async function measure(flood: (over: () => boolean) => Promise<void>): Promise<Measured> {
  const endsAt = performance.now() + durationMs
  const over = () => performance.now() > endsAt
  const [victimMs, turnMs]: [number[], number[]] = [[], []]
  let [failed, residentMiB] = [0, 0]
  const repeat = async (into: number[], ask: (agent: Agent) => ReturnType<typeof send>): Promise<void> => {
    const agent = new Agent({ keepAlive: true, maxSockets: 1 })
    while (!over()) {
      const startedAt = performance.now()
      if ((await ask(agent))?.statusCode !== 200) failed++
      into.push(performance.now() - startedAt)
      residentMiB = Math.max(residentMiB, residentBytes(gateway.pid) / mebibyte)
      await new Promise((resolve) => setTimeout(resolve, 2))
    }
    agent.destroy()
  }
  await Promise.all([
    flood(over),
    repeat(turnMs, (agent) => send(agent, '/healthz')),
    ...callers
      .slice(1)
      .map(({ token, noteIds }) =>
        repeat(victimMs, (agent) => send(agent, '/sql', token, body(noteSql, [noteIds[0]]))),
      ),
  ])
  const sorted = (of: number[]) => Float64Array.from(of).sort()
  return { victimMs: sorted(victimMs), turnMs: sorted(turnMs), failed, residentMiB }
}

async function floodWith(
  over: () => boolean,
  make: () => string,
  texts: readonly string[],
  reads: boolean,
): Promise<void> {
  const agent = new Agent({ keepAlive: reads })
  const unread: (IncomingMessage | undefined)[] = []
  await Promise.all(
    texts.map(async (first) => {
      for (let text = first; !over(); text = make()) {
        unread.push(await send(agent, '/sql', callers[0]?.token, text, reads))
        if (!reads) break
        unread.length = 0
      }
    }),
  )
  while (!over()) await new Promise((resolve) => setTimeout(resolve, 50))
  for (const answer of unread) answer?.destroy()
  agent.destroy()
}

await measure(async () => {})
const quiet = await measure(async () => {})
const rows: [name: string, measured: Measured][] = [['none', quiet]]
for (const [name, make, atOnce, reads] of floods) {
  if (!name.includes(values.only)) continue
  // The texts are made before anybody is measured.
  const texts = Array.from({ length: atOnce }, make)
  rows.push([name, await measure((over) => floodWith(over, make, texts, reads))])
  await new Promise((resolve) => setTimeout(resolve, 1_000))
}
const p99 = (times: Float64Array) => percentile(times, 99)
console.log(
  toTable(
    ['flood', 'victims p50 ms', 'p99 ms', '× quiet', 'failed', 'longest turn ms', 'RSS MiB'],
    rows.map(([name, { victimMs, turnMs, failed, residentMiB }]) => [
      name,
      percentile(victimMs, 50),
      p99(victimMs),
      p99(victimMs) / p99(quiet.victimMs),
      failed,
      percentile(turnMs, 100),
      residentMiB,
    ]),
  ),
)
await gateway.stop()
await stage.close()
