/**
 * `npm run bench:replicas`: reads a second with no, one and two replicas, and what each server and the gateway use for them.
 *
 * npm run bench:replicas -- [--replicas 0,1,2] [--clients 64] [--rounds 5] [--seconds 2] [--write]
 */
import { cpus } from 'node:os'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { withConnection } from '../packages/rowpass/src/database/connect.ts'
import { formatSealKeys, generateSealKey } from '../packages/rowpass/src/seal/keys.ts'
import { compileSubjects } from './build.ts'
import { fillBenchDatabase } from './database.ts'
import { replaceSection, toTable } from './document.ts'
import { childrenCpuMs, cpuMs, elapsedCpuMs, type Peer, startPeer } from './processes.ts'
import { sqlRequests } from './requests.ts'
import type { Caller, Scene } from './scene.ts'
import { startIssuer } from './stage.ts'
import { median, percentile } from './statistics.ts'
import { startStreaming } from './streaming.ts'
import type { LoadJob, LoadResult } from './subjects/load.ts'

const { values } = parseArgs({
  options: {
    replicas: { type: 'string', default: '0,1,2' },
    clients: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' },
    seconds: { type: 'string', default: '2' },
    write: { type: 'boolean', default: false },
  },
})
const counts = values.replicas.split(',').map(Number)
const rounds = Number(values.rounds)
const [owners, notesOfOne] = [100, 100]
const keys = [generateSealKey('bench')] as const

/** One run. */
interface Sample {
  readonly result: LoadResult
  readonly gatewayMs: number
  readonly loadMs: number
  /** Of the primary, then of each replica. */
  readonly serverMs: readonly number[]
}

const toFile = compileSubjects()
const streaming = await startStreaming()
const issuer = await startIssuer()
const load = startPeer(toFile('load'))
const gateways: { replicas: number; peer: Peer; port: number; samples: Sample[] }[] = []
try {
  const urls = await fillBenchDatabase(streaming.primary.superuserUrl, keys, owners, notesOfOne)
  const servers = [streaming.primary]
  for (let count = 1; count <= Math.max(...counts); count++) servers.push(await streaming.addStandby(`replica${count}`))
  const callers = await Promise.all(
    Array.from({ length: owners }, async (_, index): Promise<Caller> => {
      const sub = `user-${index + 1}`
      const noteIds = Array.from({ length: notesOfOne }, (_, note) => index * notesOfOne + note + 1)
      return { sub, token: await issuer.token(sub), noteIds }
    }),
  )
  const job = {
    ...{ requests: sqlRequests(callers), clients: Number(values.clients), rate: undefined },
    ...{ durationMs: Number(values.seconds) * 1_000, expect: 'user-' },
  }
  for (const replicas of counts) {
    const replicaUrls = servers
      .slice(1, 1 + replicas)
      .map(({ port }) => Object.assign(new URL(urls.gatewayUrl), { port }).href)
    const scene: Scene = {
      ...{ ...urls, sealKeys: formatSealKeys(keys), poolSize: 4, callers, people: [] },
      issuer: { iss: issuer.iss, jwksUrl: issuer.jwksUrl, audience: 'rowpass' },
      settings: { ROWPASS_REPLICA_URLS: replicaUrls.join(), ROWPASS_REPLICA_MAX_LAG_MS: '5000' },
    }
    const peer = startPeer(toFile('gateway'))
    gateways.push({ replicas, peer, port: await peer.ask<number>(scene), samples: [] })
  }
  const read = () => servers.map((server) => childrenCpuMs(server.postmasterPid()))
  for (let round = 0; round <= rounds; round++) {
    for (const { peer, port, samples } of round % 2 === 0 ? gateways : gateways.toReversed()) {
      const [gatewayBefore, loadBefore, before] = [cpuMs(peer.pid), cpuMs(load.pid), read()]
      const result = await load.ask<LoadResult>({ port, ...job } satisfies LoadJob)
      if (result.failures > 0) throw new Error(`${result.failures} failures: ${result.firstFailure}`)
      const serverMs = read().map((after, index) => elapsedCpuMs(before[index] as Map<number, number>, after))
      const [gatewayMs, loadMs] = [cpuMs(peer.pid) - gatewayBefore, cpuMs(load.pid) - loadBefore]
      // The first is to warm up.
      if (round > 0) samples.push({ result, gatewayMs, loadMs, serverMs })
    }
  }
  const rows = gateways.map(({ replicas, samples }) => {
    const perRequest = (of: (sample: Sample) => number) =>
      Math.round(median(samples.map((sample) => (of(sample) * 1_000) / sample.result.requests)))
    const rates = samples.map(({ result }) => Math.round(result.perSecond))
    return [
      String(replicas),
      median(rates),
      `${Math.min(...rates)}–${Math.max(...rates)}`,
      median(samples.map(({ result }) => percentile(result.latenciesMs, 99))),
      perRequest(({ gatewayMs }) => gatewayMs),
      ...servers.map((_, index) => perRequest(({ serverMs }) => serverMs[index] ?? 0)),
      perRequest(({ serverMs }) => serverMs.reduce((sum, ms) => sum + ms, 0)),
    ]
  })
  const version = await withConnection(urls.superuserUrl, async (client) => {
    const { rows: said } = await client.query<{ server_version: string }>('show server_version')
    return said[0]?.server_version.split(' ', 1)[0]
  })
  const names = servers.map((_, index) => (index === 0 ? 'primary µs' : `replica ${index} µs`))
  const head = ['replicas', 'reads/s', 'lowest–highest', 'p99 ms', 'gateway µs', ...names, 'all servers µs']
  const today = new Date().toISOString().slice(0, 10)
  const said = `npm run bench:replicas -- ${process.argv.slice(2).join(' ')}`.replace(/ -- $/, '')
  const lines = `${toTable(head, rows)}\n\nCPU of each for one read of the whole load. Measured ${today} with \`${said}\`: ${values.clients} clients, ${cpus().length} processors that load generator, gateway and all servers share; Node ${process.version}, PostgreSQL ${version}.`
  console.log(`\n${lines}`)
  if (values.write)
    replaceSection(fileURLToPath(new URL('../docs/scaling.md', import.meta.url)), 'bench:replicas', lines)
} finally {
  await Promise.all([load.stop(), ...gateways.map(({ peer }) => peer.stop())])
  await issuer.close()
  await streaming.close()
}
