/**
 * `npm run bench:log`: CPU µs of a request's line in the log, each written by itself and held as `rowpass gateway` holds
 * them. Medians of rounds.
 *
 * npm run bench:log -- [--write]
 * With --write the table goes into docs/performance.md.
 */
import { openSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { Emit, SqlAnswered } from '../packages/rowpass/src/events.ts'
import { createEventLog } from '../packages/rowpass/src/gateway/log.ts'
import { replaceSection, toTable } from './document.ts'
import { makeScratch } from './scratch.ts'
import { median } from './statistics.ts'

const { values } = parseArgs({ options: { write: { type: 'boolean', default: false } } })
const rounds = 9
const linesARound = 20_000

const directory = makeScratch('rowpass-log')
const files = { 'to a file': openSync(join(directory, 'log'), 'w'), 'to /dev/null': openSync('/dev/null', 'w') }
const logs = Object.entries(files).flatMap(([where, file]): [string, Emit][] => {
  const destination = { write: (lines: string) => writeSync(file, lines) }
  return [
    [`each by itself, ${where}`, createEventLog(destination)],
    [`held for 20 ms, ${where}`, createEventLog(destination, { holdMs: 20 })],
  ]
})

const micros = new Map(logs.map(([name]) => [name, [] as number[]]))
for (let round = 0; round < rounds; round++) {
  for (const [name, emit] of round % 2 === 0 ? logs : logs.toReversed()) {
    const before = process.cpuUsage()
    for (let line = 0; line < linesARound; line++) emit(makeEvent(line))
    const { user, system } = process.cpuUsage(before)
    micros.get(name)?.push((user + system) / linesARound)
    await wait(50)
  }
}
const table = toTable(
  ['a line', 'CPU µs'],
  [...micros].map(([name, each]) => [name, median(each)]),
)
console.log(table)
if (values.write) {
  const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
  const today = new Date().toISOString().slice(0, 10)
  replaceSection(page, 'bench:log', `${table}\n\nMeasured ${today} with \`npm run bench:log -- --write\`.`)
}
rmSync(directory, { recursive: true })

/** As one of the side-by-side comparison has it. */
function makeEvent(index: number): SqlAnswered {
  return {
    type: 'sql_answered',
    requestId: '0f8fad5b-d9cb-469f-a165-70867728950e',
    auth: 'token',
    iss: 'http://127.0.0.1:34567',
    sub: `user-${index % 100}`,
    tenantId: '0f8fad5b-d9cb-469f-a165-70867728950e',
    kid: 'abcdefghijklmnopqrstuvwxyz0123456789abcdefg',
    jtiHash: '0123456789abcdef',
    role: 'authenticated',
    fingerprints: ['0123456789abcdef'],
    rows: 1,
    durationMs: 1 + index / 7,
    outcome: 'ok',
  }
}
