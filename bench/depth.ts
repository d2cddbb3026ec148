/**
 * `npm run bench:depth`: how many connections the gateway wants, and how deep, beside node-postgres with its ten.
 *
 * npm run bench:depth -- [--rounds 9] [--seconds 1] [--write]
 * With --write the table goes into docs/performance.md.
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compileSubjects } from './build.ts'
import { replaceSection, toTable } from './document.ts'
import { measure } from './measure.ts'
import { setStage } from './stage.ts'
import { type HttpSubject, startHttpSubjects } from './subjects.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '9' },
    seconds: { type: 'string', default: '1' },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const pgConnections = 10
const clients = 64
const choices = [
  [4, 8],
  [4, 16],
  [4, 32],
  [8, 8],
] as const

const subjects: HttpSubject[] = choices.map(([size, depth]) => ({
  name: `${size} × ${depth}`,
  file: 'gateway',
  settings: { ROWPASS_POOL_SIZE: String(size), ROWPASS_PIPELINE_DEPTH: String(depth) },
}))

const stage = await setStage({ owners: 100, notesOfOne: 100, poolSize: pgConnections })
try {
  const http = await startHttpSubjects(compileSubjects(), stage.scene, [
    ...subjects,
    { name: `bare, ${pgConnections} connections`, file: 'bare' },
  ])
  const load = http.under({ clients, durationMs: Number(values.seconds) * 1_000 })
  const outcomes = await measure(load, rounds, stage.database.postmasterPid())
  await http.stop()

  const table = toTable(
    ['connections × depth', 'requests/s', 'lowest–highest', 'p50 ms', 'p99 ms'],
    outcomes.map(({ name, perSecond, rounds: all, p50Ms, p99Ms }) => [
      name,
      perSecond,
      `${Math.round(Math.min(...all))}–${Math.round(Math.max(...all))}`,
      p50Ms,
      p99Ms,
    ]),
  )
  const measured = `Measured ${new Date().toISOString().slice(0, 10)} with \`npm run bench:depth -- --rounds ${rounds} --seconds ${values.seconds} --write\`: ${clients} clients, Node ${process.version}, PostgreSQL ${stage.database.version}.`
  console.log(`\n${table}\n\n${measured}`)
  if (values.write) {
    const file = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
    replaceSection(file, 'bench:depth', `${table}\n\n${measured}`)
  }
} finally {
  await stage.close()
}
