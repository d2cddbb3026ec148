/**
 * `npm run chaos`: see `chaos/run.ts`. Prints a table of what came of the requests; exits 1 on any violation. On the embedded
 * PostgreSQL, or in the world of `chaos/pair.ts`, where more can go wrong and more has to be installed. Ctrl-C ends the run early.
 *
 * npm run chaos -- [--requests 1000000] [--pair] [--write]
 */
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compileSubjects } from './build.ts'
import { toTotal } from './chaos/judge.ts'
import { startPairWorld } from './chaos/pair.ts'
import { type ChaosReport, runChaos } from './chaos/run.ts'
import { startEmbeddedWorld } from './chaos/world.ts'
import { replaceSection, toTable } from './document.ts'

const { values } = parseArgs({
  options: {
    requests: { type: 'string', default: '1000000' },
    pair: { type: 'boolean', default: false },
    write: { type: 'boolean', default: false },
  },
})
const requests = Number(values.requests)
if (!Number.isInteger(requests) || requests < 1_000) throw new TypeError('--requests is not a whole number from 1000')

const world = values.pair ? await startPairWorld() : await startEmbeddedWorld(compileSubjects()('gateway'))
try {
  const stop = new AbortController()
  process.once('SIGINT', () => stop.abort())
  const report = await runChaos(world, { requests, signal: stop.signal, onProgress: (text) => console.error(text) })
  const text = describe(report)
  console.log(text)
  const section = values.pair ? 'chaos-pair' : 'chaos'
  if (values.write) replaceSection(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), section, text)
  for (const fault of await world.ownFaults()) console.error(fault)
  process.exitCode = report.tally.violationCount === 0 ? 0 : 1
} finally {
  await world.close()
}

function describe({ tally, requests: sent, disturbances, seconds, memory }: ChaosReport): string {
  const kinds = [...tally.outcomes.keys()].sort()
  const rows = kinds.map((kind) => {
    const outcomes = tally.outcomes.get(kind) ?? new Map<string, number>()
    const count = (name: string) => outcomes.get(name) ?? 0
    const codes = [...outcomes]
      .filter(([name]) => name !== 'ok' && name !== 'aborted')
      .sort(([a], [b]) => (a < b ? -1 : 1))
    const others = codes.map((entry) => entry.join(': ')).join(', ')
    const byReplica = toTotal([tally.byReplica.get(kind) ?? new Map()])
    const ofReplicas = world.replicaPorts.length === 0 ? [] : [String(byReplica)]
    return [kind, String(toTotal([outcomes])), String(count('ok')), ...ofReplicas, String(count('aborted')), others]
  })
  const replicas = world.replicaPorts.map((port) =>
    [...tally.byReplica.values()].reduce((sum, ports) => sum + (ports.get(String(port)) ?? 0), 0),
  )
  const ofReplicas = replicas.length === 0 ? [] : ['of it by a replica']
  const byReplicas = `- Answered by each server while it was a replica: ${replicas.join(', ')}.`
  const day = new Date().toISOString().slice(0, 10)
  return [
    toTable(['request', 'sent', 'ok', ...ofReplicas, 'aborted by the client', 'by SQLSTATE'], rows),
    '',
    `- ${sent} requests of 1,000 identities in ${seconds.toFixed(0)} s, ${(sent / seconds).toFixed(0)} a second, the slowest answer after ${tally.slowestMs.toFixed(0)} ms.`,
    ...(replicas.length === 0 ? [] : [byReplicas]),
    `- ${[...disturbances].map(([name, times]) => `${name}: ${times}`).join('; ')}.`,
    `- Memory of the largest process of a gateway: ${memory.earlyMiB.toFixed(0)} MiB in the second quarter, ${memory.lateMiB.toFixed(0)} MiB in the last.`,
    `- Violations: ${tally.violationCount}. ${[...tally.violationCounts].map((entry) => entry.join(': ')).join('; ')}.${tally.violations.map((violation) => `\n  - ${violation}`).join('')}`,
    '',
    `Measured ${day} with \`npm run chaos -- ${process.argv.slice(2).join(' ')}\`: Node ${process.version}.`,
  ].join('\n')
}
