/**
 * `npm run bench`: the gateway and its engine beside what they are usually compared with, in one run on one machine.
 *
 * npm run bench -- [--rounds 5] [--seconds 3] [--write]
 * With --write the tables go into docs/performance.md.
 */
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { settings } from '../packages/rowpass/src/gateway/settings.ts'
import { compileSubjects } from './build.ts'
import { replaceSection, toTable } from './document.ts'
import { measure, type Outcome } from './measure.ts'
import { setStage } from './stage.ts'
import { startEngineSubjects, startHttpSubjects } from './subjects.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const durationMs = Number(values.seconds) * 1_000
/** Connections of every subject that uses node-postgres: its own default. */
const pgConnections = 10
const clientCounts = [32, 64]
/** Requests a second that every subject but PostGraphile can serve on two cores, and half of that. */
const rates = [1_000, 2_000]
const openClients = 256

const poolSize = Number(settings.poolSize.default)
const pipelineDepth = Number(settings.pipelineDepth.default)

const toFile = compileSubjects()
const stage = await setStage({ owners: 100, notesOfOne: 100, poolSize: pgConnections })
const parts: string[] = []

try {
  const postmaster = stage.database.postmasterPid()
  const engine = await startEngineSubjects(toFile, stage.scene, { poolSize, pipelineDepth })
  for (const clients of clientCounts) {
    const outcomes = await measure(engine.under({ clients, durationMs }), rounds, postmaster)
    report(`Engine, closed load, ${clients} requests at a time`, outcomes, ['pg envelope', 'pg bare'])
  }
  await engine.stop()

  const http = await startHttpSubjects(toFile, stage.scene)
  for (const clients of clientCounts) {
    const outcomes = await measure(http.under({ clients, durationMs }), rounds, postmaster)
    report(`HTTP, closed load, ${clients} clients`, outcomes, ['envelope', 'bare', 'PostGraphile'])
  }
  for (const rate of rates) {
    const load = { clients: openClients, rate, durationMs }
    report(`HTTP, open load, ${rate} requests a second`, await measure(http.under(load), rounds, postmaster), [])
  }
  await http.stop()

  const text = [describeRun(stage.database.version), ...parts].join('\n\n')
  if (values.write) replaceSection(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), 'bench', text)
} finally {
  await stage.close()
}

/** Prints a table as it is measured; `rivals` are the subjects that the others are divided by. */
function report(title: string, outcomes: readonly Outcome[], rivals: readonly string[]): void {
  const perSecondOf = (name: string) => outcomes.find((outcome) => outcome.name === name)?.perSecond ?? Number.NaN
  const head = ['', 'requests/s', 'lowest–highest', 'p50 ms', 'p99 ms', 'Node µs', 'backend µs']
  const rows = outcomes.map((outcome) => [
    outcome.name,
    outcome.perSecond,
    `${Math.round(Math.min(...outcome.rounds))}–${Math.round(Math.max(...outcome.rounds))}`,
    outcome.p50Ms,
    outcome.p99Ms,
    outcome.nodeMicros,
    outcome.backendMicros,
    ...rivals.map((rival) => outcome.perSecond / perSecondOf(rival)),
  ])
  const part = `### ${title}\n\n${toTable([...head, ...rivals.map((rival) => `× ${rival}`)], rows)}`
  console.log(`\n${part}`)
  parts.push(part)
}

function describeRun(postgres: string): string {
  const [cpu] = cpus()
  return [
    `- Measured ${new Date().toISOString().slice(0, 10)} with \`npm run bench -- --rounds ${rounds} --seconds ${values.seconds} --write\`.`,
    `- ${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release().split('-', 1)[0]}; load generator, servers and PostgreSQL share it.`,
    `- Node ${process.version}, PostgreSQL ${postgres}, node-postgres with ${pgConnections} connections, the gateway with ${poolSize} connections, ${pipelineDepth} requests deep.`,
  ].join('\n')
}
