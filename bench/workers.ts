/**
 * `npm run bench:workers`: what one and several processes of `rowpass gateway` carry, and what they cost, with the log that
 * they write.
 *
 * npm run bench:workers -- [--workers 1,2] [--clients 64] [--rounds 5] [--seconds 2] [--write]
 */
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { compileSubjects } from './build.ts'
import { type Command, startCommand } from './command.ts'
import { replaceSection, toTable } from './document.ts'
import { measure, type Subject } from './measure.ts'
import { pidsOf, residentBytes, startPeer } from './processes.ts'
import { sqlRequests } from './requests.ts'
import { setStage } from './stage.ts'
import type { LoadJob, LoadResult } from './subjects/load.ts'

const { values } = parseArgs({
  options: {
    workers: { type: 'string', default: '1,2' },
    clients: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
  },
})
const counts = values.workers.split(',').map(Number)
const clients = Number(values.clients)
const durationMs = Number(values.seconds) * 1_000
/** Connections to PostgreSQL, for whatever number of workers. */
const poolSize = Math.max(4, 2 * Math.max(...counts))

const toFile = compileSubjects()
const stage = await setStage({ owners: 100, notesOfOne: 100, poolSize })
const load = startPeer(toFile('load'))
const requests = sqlRequests(stage.scene.callers)

function startGateway(workers: number): Promise<Command> {
  const { gatewayUrl, sealKeys, issuer } = stage.scene
  const trusted = { iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: issuer.audience, max_ttl_seconds: 86_400 }
  const env = {
    ROWPASS_DATABASE_URL: gatewayUrl,
    ROWPASS_SEAL_KEYS: sealKeys,
    ROWPASS_ISSUERS: JSON.stringify([trusted]),
    ROWPASS_POOL_SIZE: String(poolSize),
  }
  return startCommand(env, ['--workers', String(workers)])
}

const gateways: Command[] = []
try {
  for (const workers of counts) gateways.push(await startGateway(workers))
  const subjects = gateways.map(
    ({ pid, port }, index): Subject => ({
      name: String(counts[index]),
      pid,
      loadPid: load.pid,
      async run() {
        const job = { port, requests, clients, rate: undefined, durationMs, expect: 'user-' }
        const result = await load.ask<LoadResult>(job satisfies LoadJob)
        if (result.failures > 0) throw new Error(`${result.failures} failures: ${result.firstFailure}`)
        return result
      },
    }),
  )
  const outcomes = await measure(subjects, Number(values.rounds), stage.database.postmasterPid())
  const mebibytes = (pid: number) => pidsOf(pid).map((each) => Math.round(residentBytes(each) / 2 ** 20))
  const head = [
    'workers',
    'requests/s',
    'lowest–highest',
    'p50 ms',
    'p99 ms',
    'gateway CPU µs',
    'backend CPU µs',
    'load CPU µs',
    'memory of each process, MiB',
  ]
  const rows = outcomes.map((outcome, index) => [
    outcome.name,
    outcome.perSecond,
    `${Math.round(Math.min(...outcome.rounds))}–${Math.round(Math.max(...outcome.rounds))}`,
    outcome.p50Ms,
    outcome.p99Ms,
    outcome.nodeMicros,
    outcome.backendMicros,
    outcome.loadMicros,
    mebibytes(gateways[index]?.pid ?? 0).join(', '),
  ])
  const today = new Date().toISOString().slice(0, 10)
  const said = `npm run bench:workers -- ${process.argv.slice(2).join(' ')}`.trim()
  const lines = `${toTable(head, rows)}\n\nMeasured ${today} with \`${said}\`: ${clients} clients, ${poolSize} connections to PostgreSQL in all, ${cpus().length} processors that load generator, gateways and PostgreSQL share; Node ${process.version}, PostgreSQL ${stage.database.version}.`
  console.log(`\n${lines}`)
  if (values.write)
    replaceSection(fileURLToPath(new URL('../docs/performance.md', import.meta.url)), 'bench:workers', lines)
} finally {
  await Promise.all([load.stop(), ...gateways.map(({ stop }) => stop())])
  await stage.close()
}
