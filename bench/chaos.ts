/**
 * `npm run chaos`: see `chaos/run.ts`. Prints a table of what came of the requests; exits 1 on any violation.
 *
 * CHAOS_REQUESTS=20000 npm run chaos
 */
import { compileSubjects } from './build.ts'
import { type ChaosReport, runChaos } from './chaos/run.ts'
import { toTable } from './document.ts'

const requests = Number(process.env.CHAOS_REQUESTS ?? 1_000_000)
if (!Number.isInteger(requests) || requests < 1_000)
  throw new TypeError('CHAOS_REQUESTS is not a whole number from 1000')

const report = await runChaos({
  requests,
  gatewayFile: compileSubjects()('gateway'),
  onProgress: (text) => console.error(text),
})
console.log(describe(report))
process.exitCode = report.tally.violationCount === 0 ? 0 : 1

function describe({ tally, disturbances, seconds, memory }: ChaosReport): string {
  const rows = [...tally.outcomes].map(([kind, outcomes]) => {
    const count = (name: string) => outcomes.get(name) ?? 0
    const codes = [...outcomes]
      .filter(([name]) => name !== 'ok' && name !== 'aborted')
      .sort(([a], [b]) => (a < b ? -1 : 1))
    const total = [...outcomes.values()].reduce((sum, each) => sum + each, 0)
    return [
      kind,
      String(total),
      String(count('ok')),
      String(count('aborted')),
      codes.map((entry) => entry.join(': ')).join(', '),
    ]
  })
  return [
    toTable(['request', 'sent', 'ok', 'aborted by the client', 'by SQLSTATE'], rows),
    '',
    `- ${requests} requests of 1,000 identities in ${seconds.toFixed(0)} s, the slowest answer after ${tally.slowestMs.toFixed(0)} ms.`,
    `- ${[...disturbances].map(([name, times]) => `${name}: ${times}`).join('; ')}.`,
    `- Memory of the gateway: ${memory.earlyMiB.toFixed(0)} MiB in the second quarter, ${memory.lateMiB.toFixed(0)} MiB in the last.`,
    `- Violations: ${tally.violationCount}.${tally.violations.map((violation) => `\n  - ${violation}`).join('')}`,
  ].join('\n')
}
