/**
 * `npm run bench`: the gateway and its engine beside what they are usually compared with, in one run on one machine.
 *
 * npm run bench -- [--rounds 5] [--seconds 3] [--write]
 * With --write the tables go into docs/performance.md and the pictures into docs/pictures. Takes some five minutes with
 * `--rounds 3 --seconds 1`.
 */
import { cpus, release, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { settings } from '../packages/rowpass/src/gateway/settings.ts'
import { compileSubjects } from './build.ts'
import { replaceSection, toTable } from './document.ts'
import { measure, type Outcome } from './measure.ts'
import { drawBars, drawLines, toMarkup, writePicture } from './picture.ts'
import { setStage } from './stage.ts'
import { median } from './statistics.ts'
import { type HttpSubjects, policySubjects, startEngineSubjects, startHttpSubjects } from './subjects.ts'
import { hasWrk, runWrk, type WrkResult } from './wrk.ts'

const { values } = parseArgs({
  options: {
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '3' },
    write: { type: 'boolean', default: false },
  },
})
const rounds = Number(values.rounds)
const shortNames: Readonly<Record<string, string>> = {
  'the demo’s policy, three claims': 'three claims',
  'one claim, always-new texts': 'always-new texts',
}
const durationMs = Number(values.seconds) * 1_000
/** Connections of every subject that uses node-postgres: its own default. */
const pgConnections = 10
const engineCounts = [32, 64]
const clientCounts = [32, 64, 256, 1_024]
const usualClients = 64
/** Requests a second that every subject but PostGraphile can serve on two cores, and half of that. */
const rates = [1_000, 2_000]
const openClients = 256

const poolSize = Number(settings.poolSize.default)
const pipelineDepth = Number(settings.pipelineDepth.default)

const toFile = compileSubjects()
/** 1,024 clients of 100 identities may all wait at once. */
const gatewaySettings = { ROWPASS_QUEUE_LIMIT: '10000' }
const stage = await setStage({
  ...{ owners: 100, notesOfOne: 100, poolSize: pgConnections, people: 10_000 },
  settings: gatewaySettings,
})
const parts: string[] = []

try {
  const postmaster = stage.database.postmasterPid()
  const engine = await startEngineSubjects(toFile, stage.scene, { poolSize, pipelineDepth })
  for (const clients of engineCounts) {
    const outcomes = await measure(engine.under({ clients, durationMs }), rounds, postmaster)
    report(`Engine, closed load, ${clients} requests at a time`, outcomes, ['pg envelope', 'pg bare'])
  }
  await engine.stop()

  const http = await startHttpSubjects(toFile, stage.scene)
  const byClients = new Map<number, Outcome[]>()
  for (const clients of clientCounts) {
    const outcomes = await measure(http.under({ clients, durationMs }), rounds, postmaster)
    byClients.set(clients, outcomes)
    report(`HTTP, closed load, ${clients} clients`, outcomes, ['envelope', 'bare', 'PostGraphile'])
  }
  for (const rate of rates) {
    const load = { clients: openClients, rate, durationMs }
    report(`HTTP, open load, ${rate} requests a second`, await measure(http.under(load), rounds, postmaster), [])
  }
  if (hasWrk()) reportWrk(http)
  else parts.push('wrk is not installed here: the second load generator is left out.')
  await http.stop()

  const policies = await startHttpSubjects(toFile, stage.scene, policySubjects)
  const underPolicies = await measure(policies.under({ clients: usualClients, durationMs }), rounds, postmaster)
  report(`The gateway with other policies and texts, ${usualClients} clients`, underPolicies, ['one claim'])
  await policies.stop()

  const text = [describeRun(stage.database.version), ...parts].join('\n\n')
  if (values.write) {
    const page = fileURLToPath(new URL('../docs/performance.md', import.meta.url))
    replaceSection(page, 'bench', text)
    replaceSection(page, 'bench:pictures', draw(byClients, underPolicies))
  }
} finally {
  await stage.close()
}

/** Prints a table as it is measured; `rivals` are the subjects that the others are divided by. */
function report(title: string, outcomes: readonly Outcome[], rivals: readonly string[]): void {
  const find = (name: string) => outcomes.find((outcome) => outcome.name === name)
  const hasLoad = outcomes.some(({ loadMicros }) => loadMicros > 0)
  const head = ['', 'requests/s', 'lowest–highest', 'p50 ms', 'p99 ms', 'Node µs', 'backend µs']
  const ofRivals = rivals.flatMap((rival) => [`× ${rival}`, '× by CPU'])
  const rows = outcomes.map((outcome) => [
    outcome.name,
    outcome.perSecond,
    `${Math.round(Math.min(...outcome.rounds))}–${Math.round(Math.max(...outcome.rounds))}`,
    outcome.p50Ms,
    outcome.p99Ms,
    outcome.nodeMicros,
    outcome.backendMicros,
    ...(hasLoad ? [outcome.loadMicros] : []),
    ...rivals.flatMap((name) => {
      const rival = find(name)
      return [outcome.perSecond / (rival?.perSecond ?? Number.NaN), microsOf(rival) / microsOf(outcome)]
    }),
  ])
  const part = `### ${title}\n\n${toTable([...head, ...(hasLoad ? ['load µs'] : []), ...ofRivals], rows)}`
  console.log(`\n${part}`)
  parts.push(part)
}

/** CPU of a request, without the load generator's. */
function microsOf(outcome: Outcome | undefined): number {
  return outcome === undefined ? Number.NaN : outcome.nodeMicros + outcome.backendMicros
}

/** The same closed load by wrk, whose seconds are whole ones. */
function reportWrk({ served }: HttpSubjects): void {
  const seconds = Math.max(Math.round(durationMs / 1_000), 1)
  const runs = new Map<string, WrkResult[]>(served.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds; round++) {
    for (const { name, port, requests } of round % 2 === 0 ? served : served.toReversed()) {
      runs.get(name)?.push(runWrk(port, requests, usualClients, seconds))
    }
  }
  const middle = (name: string, of: (run: WrkResult) => number) => median((runs.get(name) ?? []).map(of))
  const bare = middle('bare', ({ perSecond }) => perSecond)
  const rows = [...runs.keys()].map((name) => {
    const perSecond = middle(name, (run) => run.perSecond)
    return [name, perSecond, middle(name, ({ p99Ms }) => p99Ms), perSecond / bare]
  })
  const table = toTable(['', 'requests/s', 'p99 ms', '× bare'], rows)
  const part = `### The same by wrk, ${usualClients} clients\n\n${table}`
  console.log(`\n${part}`)
  parts.push(part)
}

/** Draws the pictures. @returns how the page shows them */
function draw(byClients: ReadonlyMap<number, readonly Outcome[]>, underPolicies: readonly Outcome[]): string {
  const names = ['gateway', 'bare', 'envelope', 'PostGraphile']
  const linesOf = (of: (outcome: Outcome) => number) =>
    names.map((name) => ({
      name,
      numbers: [...byClients.values()].map((outcomes) => of(outcomes.find((each) => each.name === name) as Outcome)),
    }))
  const places = [...byClients.keys()]
  const across = 'clients'
  const ofClients = 'Requests a second and latency at the 99th percentile, by the number of clients'
  writePicture('clients', ofClients, (colours) => [
    drawLines(colours, {
      ...{ title: 'Requests a second', across, places, logarithmic: false },
      lines: linesOf(({ perSecond }) => perSecond),
    }),
    drawLines(colours, {
      ...{ title: 'p99, ms', across, places, logarithmic: true },
      lines: linesOf(({ p99Ms }) => p99Ms),
    }),
  ])
  const usual = byClients.get(usualClients) ?? []
  const bars = [...usual, ...underPolicies.slice(1)].map(({ name, nodeMicros, backendMicros }) => ({
    name: shortNames[name] ?? name,
    parts: [nodeMicros, backendMicros],
  }))
  const ofCpu = 'Microseconds of CPU for a request, of Node and of the backend, by subject'
  writePicture('cpu', ofCpu, (colours) => [
    drawBars(colours, { title: 'µs of CPU for a request', parts: ['Node', 'backend'], bars }),
  ])
  return `${toMarkup('clients', ofClients, 'pictures')}\n${toMarkup('cpu', ofCpu, 'pictures')}`
}

function describeRun(postgres: string): string {
  const [cpu] = cpus()
  return [
    `- Measured ${new Date().toISOString().slice(0, 10)} with \`npm run bench -- --rounds ${rounds} --seconds ${values.seconds} --write\`.`,
    `- ${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GiB, Linux ${release().split('-', 1)[0]}; load generator, servers and PostgreSQL share it.`,
    `- Node ${process.version}, PostgreSQL ${postgres}, node-postgres with ${pgConnections} connections, the gateway with ${poolSize} connections, ${pipelineDepth} requests deep, and ROWPASS_QUEUE_LIMIT=${gatewaySettings.ROWPASS_QUEUE_LIMIT}.`,
  ].join('\n')
}
