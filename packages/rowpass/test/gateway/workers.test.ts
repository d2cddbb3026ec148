import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { childrenCpuMs } from '../../../../bench/processes.ts'
import { freePort } from '../../../local/src/postgres/server.ts'
import { withConnection } from '../../src/database/connect.ts'
import { connectionsNeeded } from '../../src/database/exposure.ts'
import { isAlive } from '../../src/database/processes.ts'
import { createChainCheck } from '../../src/gateway/audit-chain.ts'
import { parseGatewayConfig } from '../../src/gateway/config.ts'
import { createHttp } from '../../src/gateway/http/http.ts'
import { createLineCutter } from '../../src/gateway/log-lines.ts'
import { countWorkers } from '../../src/gateway/workers/count.ts'
import { shareOf } from '../../src/gateway/workers/share.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { startTestIssuer, type TestIssuer, waitUntil } from '../support/gateway.ts'
import {
  type GatewayProcess,
  type LogLine,
  patientMs,
  type Sent,
  sendAlone,
  startGatewayProcess,
  startWrites,
  wrongWrites,
} from '../support/gateway-process.ts'
import { createTestDatabase, describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'
import { latch } from './scene.ts'

describePg('a gateway with two workers', () => {
  vi.setConfig({ testTimeout: 2 * patientMs, hookTimeout: 2 * patientMs })
  let database: TestDatabase
  let issuer: TestIssuer
  let other: TestIssuer
  let sandbox: Sandbox
  let ada: string

  beforeAll(async () => {
    sandbox = createSandbox()
    database = await createTestDatabase({ contents: 'platform' })
    await rowsOf(database.ownerUrl, `${latch} create table kept (id int); grant insert on kept to authenticated`)
    issuer = await startTestIssuer()
    other = await startTestIssuer()
    ada = await issuer.token('ada')
  })
  afterAll(async () => {
    sandbox.remove()
    await Promise.all([database.close(), issuer.close(), other.close()])
  })

  const rowsOf = (url: string, query: string): Promise<Record<string, unknown>[]> =>
    withConnection(url, async (client) => (await client.query(query)).rows)
  const issuersText = (...trusted: readonly TestIssuer[]): string =>
    JSON.stringify(trusted.map(({ iss, jwksUrl }) => ({ iss, jwks_url: jwksUrl, audience: 'rowpass' })))

  const start = (settings: Record<string, string> = {}): Promise<GatewayProcess> =>
    startGatewayProcess(
      {
        ...{ ROWPASS_DATABASE_URL: database.gatewayUrl, ROWPASS_SEAL_KEYS: sealKeysText },
        ...{ ROWPASS_PORT: '0', ROWPASS_GATEWAYS: '8', ...settings },
        ...('ROWPASS_ISSUERS_FILE' in settings ? {} : { ROWPASS_ISSUERS: issuersText(issuer) }),
      },
      ['--workers', '2'],
    )

  /** The process id of one of its two workers. */
  function victimOf({ child }: GatewayProcess): number {
    const [first, second, ...others] = childrenCpuMs(child.pid ?? Number.NaN).keys()
    if (first === undefined || second === undefined || others.length > 0) throw new Error('not two workers')
    return first
  }

  const sql = ({ url }: GatewayProcess, query: string, token = ada): Promise<Sent> =>
    sendAlone(url, database.name, token, query)

  const many = (started: GatewayProcess, count: number, query = 'select auth.user_id() as id', token = ada) =>
    Promise.all(Array.from({ length: count }, () => sql(started, query, token)))

  describe('under way', () => {
    let started: GatewayProcess
    let issuersFile: string
    let metricsUrl: string

    beforeAll(async () => {
      issuersFile = join(sandbox.directory, 'issuers.json')
      writeFileSync(issuersFile, issuersText(issuer))
      const port = await freePort()
      metricsUrl = `http://127.0.0.1:${port}/metrics`
      const settings = { ROWPASS_ISSUERS_FILE: issuersFile, ROWPASS_METRICS_PORT: String(port) }
      started = await start({ ...settings, ROWPASS_AUDIT_CHAIN: 'true' })
    })
    afterAll(() => started?.stop())

    const metrics = async (): Promise<string> => (await fetch(metricsUrl)).text()
    const answered = async (): Promise<number> =>
      Number(/^rowpass_requests_total\{auth="token",outcome="ok"\} (\d+)$/m.exec(await metrics())?.[1] ?? 0)
    const workersOf = (lines: readonly LogLine[]): unknown[] => [
      ...new Set(lines.filter(({ msg }) => msg === 'sql_answered').map(({ worker }) => worker)),
    ]

    it('both answer, with as many connections to PostgreSQL together as were asked for', async () => {
      for (const { body } of await many(started, 20)) expect(body?.rows).toEqual([{ id: 'ada' }])
      // One that is not ready yet has none while the other is.
      await waitUntil(async () => {
        await many(started, 4)
        return workersOf(started.lines()).length === 2
      }, patientMs)
      expect(workersOf(started.lines()).sort()).toEqual([1, 2])
      const rows = await rowsOf(
        database.superuserUrl,
        `select count(*)::int as n from pg_stat_activity where datname = current_database() and application_name like 'rowpass gateway %'`,
      )
      expect(rows).toEqual([{ n: 4 }])
      expect((await fetch(new URL('/readyz', started.url))).status).toBe(200)
      expect((await fetch(new URL('/healthz', started.url))).status).toBe(200)
    })

    it('metrics are the sums of both, and each says how many connections it has', async () => {
      const before = await answered()
      await many(started, 10)
      expect(await answered()).toBe(before + 10)
      const text = await metrics()
      expect(text).toMatch(/^rowpass_request_seconds_count \d+$/m)
      for (const worker of [1, 2]) expect(text).toContain(`rowpass_connections_open{worker="${worker}"} 2`)
      expect(text).toContain('rowpass_workers 2')
      expect(text).toContain('rowpass_workers_replaced_total 0')
    })

    it('a reload is that of both, and a configuration that is wrong changes neither', async () => {
      const eve = await other.token('eve')
      const codes = async () => [...new Set((await many(started, 8, 'select 1', eve)).map(({ body }) => body?.code))]
      const said = (msg: string) => started.lines().filter((line) => line.msg === msg)
      const reload = async (text: string, msg: string): Promise<void> => {
        const before = said(msg).length
        writeFileSync(issuersFile, text)
        started.child.kill('SIGHUP')
        await waitUntil(() => said(msg).length > before, patientMs)
      }
      expect(await codes()).toEqual(['28000'])
      await reload(issuersText(issuer, other), 'config_reloaded')
      expect(await codes()).toEqual([undefined])
      await reload('nonsense', 'config_refused')
      await reload(
        JSON.stringify([{ ...JSON.parse(issuersText(issuer))[0], role: 'nobody_made_this' }]),
        'config_refused',
      )
      expect(await codes()).toEqual([undefined])
      for (const { body } of await many(started, 8)) expect(body?.rows).toEqual([{ id: 'ada' }])
      await reload(issuersText(issuer), 'config_reloaded')
      expect(await codes()).toEqual(['28000'])
      expect(said('config_refused').map(({ reason }) => reason)).toEqual(['settings', 'roles'])
      expect(said('config_reloaded')).toHaveLength(2)
      expect(await metrics()).toContain('rowpass_config_reloads_total{outcome="refused"} 2')
    })

    it('a connection that a worker has not taken when it is killed goes to the other one', async () => {
      await waitUntil(async () => (await metrics()).includes('rowpass_workers 2'), patientMs)
      const victim = victimOf(started)
      process.kill(victim, 'SIGSTOP')
      let killedAt = Number.POSITIVE_INFINITY
      let settled = 0
      const sent = Array.from({ length: 40 }, async () => {
        const answer = await sql(started, 'select auth.user_id() as id')
        settled++
        return { ...answer, late: performance.now() > killedAt }
      })
      await waitUntil(() => settled >= 10, patientMs)
      killedAt = performance.now()
      process.kill(victim, 'SIGKILL')
      const answers = await Promise.all(sent)
      expect(answers.filter(({ body }) => body?.rows?.[0]?.id !== 'ada')).toEqual([])
      expect(answers.filter(({ late }) => late).length).toBeGreaterThan(0)
    })

    it('of one that is killed under load, only requests that it had are lost, and another takes its place', async () => {
      await waitUntil(async () => (await metrics()).includes('rowpass_workers 2'), patientMs)
      const before = await answered()
      const replacedBefore = started.lines().filter(({ msg }) => msg === 'worker_replaced').length
      const victim = victimOf(started)
      const load = startWrites(12, (query) => sql(started, query))
      await waitUntil(() => load.done.length > 40, patientMs)
      process.kill(victim, 'SIGKILL')
      await waitUntil(() => !isAlive(victim))
      const deadAt = performance.now()
      const afterwards = () => load.done.filter(({ startedAt }) => startedAt > deadAt)
      await waitUntil(() => afterwards().length > 60, patientMs)
      await load.stop()
      expect(afterwards().filter(({ status }) => status !== 200)).toEqual([])
      // Lost without an answer, and no more than there were clients.
      const lost = load.done.filter(({ status }) => status !== 200)
      expect(lost.filter(({ status }) => status !== 0)).toEqual([])
      expect(lost.length).toBeLessThanOrEqual(12)
      const rows = await rowsOf(database.ownerUrl, 'select id, count(*)::int as n from kept group by id')
      expect(wrongWrites(load, rows)).toEqual({ twice: [], missing: [] })

      const replaced = () => started.lines().filter(({ msg }) => msg === 'worker_replaced')
      await waitUntil(() => replaced().length > replacedBefore)
      expect(replaced().at(-1)).toMatchObject({ exitCode: null, signal: 'SIGKILL', worker: expect.any(Number) })
      await waitUntil(async () => (await metrics()).includes('rowpass_workers 2'), patientMs)
      expect(await answered()).toBeGreaterThanOrEqual(before)
      expect(await metrics()).toContain(`rowpass_workers_replaced_total ${replaced().length}`)
      expect((await fetch(new URL('/readyz', started.url))).status).toBe(200)
    })

    it('the log is whole lines in one chain, through all of that', async () => {
      expect(await started.stop()).toBe(0)
      const check = createChainCheck()
      const lines = started.text().split('\n').slice(0, -1)
      for (const line of lines) check.read(line)
      expect(check.problems).toEqual([])
      expect(check.chains).toMatchObject([{ ended: true }])
      expect(JSON.parse(lines.at(-1) ?? '')).toMatchObject({ msg: 'gateway_stopped' })
      // All that one worker has done, taken out.
      const without = createChainCheck()
      for (const line of lines) if (!line.includes('"worker":2,"msg":"sql_answered"')) without.read(line)
      expect(without.problems.length).toBeGreaterThan(0)
    })
  })

  it('one that is asked to end says that it is not ready, and lets requests of both end', async () => {
    const patient = {
      ROWPASS_LOCK_TIMEOUT_MS: '60000',
      ROWPASS_STATEMENT_TIMEOUT_MS: '60000',
      ROWPASS_REQUEST_TIMEOUT_MS: '90000',
    }
    const started = await start({ ROWPASS_DRAIN_SECONDS: '1', ROWPASS_POOL_SIZE: '8', ...patient })
    const opened = () => rowsOf(database.superuserUrl, waitingSql)
    await withConnection(database.superuserUrl, async (client) => {
      await client.query('select pg_advisory_lock(815)')
      const waits = many(started, 4, 'select wait() as it')
      await waitUntil(async () => Number((await opened())[0]?.n) >= 2, patientMs)
      const stopped = started.stop()
      await waitUntil(async () => (await fetch(new URL('/readyz', started.url))).status === 503)
      expect((await sql(started, 'select 1 as one')).body?.rows).toEqual([{ one: '1' }])
      const stopping = () => started.lines().filter(({ msg }) => msg === 'gateway_stopping')
      await waitUntil(() => stopping().length === 2, patientMs)
      await client.query('select pg_advisory_unlock(815)')
      for (const { body } of await waits) expect(body?.rows).toEqual([{ it: 'waited' }])
      expect(await stopped).toBe(0)
    })
    expect(started.lines().at(-1)).toMatchObject({ msg: 'gateway_stopped', cutOff: 0 })
    expect((await sql(started, 'select 1')).error).toMatchObject({ code: 'ECONNREFUSED' })
  })
})

describe('workers', () => {
  const config = (settings: Record<string, string>) =>
    parseGatewayConfig({
      ROWPASS_DATABASE_URL: 'postgresql://rowpass_gateway:x@127.0.0.1/app',
      ROWPASS_SEAL_KEYS: sealKeysText,
      ROWPASS_ISSUERS: '[{"iss":"https://i.example","jwks_url":"https://i.example/jwks","audience":"a"}]',
      ...settings,
    })

  it.each([
    [1, 4, 1],
    [2, 4, 2],
    ['auto', 1, 1],
    ['auto', 3, 1],
    [256, 1_000, 256],
  ] as const)('%s of them with %i connections are %i', (wanted, poolSize, count) => {
    expect(countWorkers(wanted, poolSize)).toBe(count)
  })

  it('of a number that leaves one with a single connection, the configuration is wrong', () => {
    expect(() => config({ ROWPASS_WORKERS: '3' })).toThrow(
      'ROWPASS_WORKERS is 3, and each worker needs 2 connections: ROWPASS_POOL_SIZE has to be 6 or more',
    )
    expect(() => config({ ROWPASS_WORKERS: '0' })).toThrow('ROWPASS_WORKERS is neither auto nor')
  })

  it.each([
    ['2', '4', '1'],
    ['3', '10', '4'],
    ['16', '100', '8'],
  ])('%s of them have no more together than the whole may have', (workers, poolSize, gateways) => {
    const whole = config({ ROWPASS_WORKERS: workers, ROWPASS_POOL_SIZE: poolSize, ROWPASS_GATEWAYS: gateways })
    const share = shareOf(whole)
    for (const name of ['poolSize', 'passwordSessions', 'passwordAddressFailures', 'passwordUserFailures'] as const)
      expect(share[name] * whole.workers).toBeLessThanOrEqual(whole[name])
    expect(connectionsNeeded(share)).toBe(connectionsNeeded(whole))
  })

  it('a line that is written in pieces is passed on whole, and one without an end is not', () => {
    const cutter = createLineCutter()
    const pieces = ['{"a":', '"é', '"}\n{"b":1}\n{"c"'].map((text) => Buffer.from(text))
    const [first = Buffer.alloc(0), second = Buffer.alloc(0), third = Buffer.alloc(0)] = pieces
    // Within a character.
    const chunks = [first, second.subarray(0, 2), Buffer.concat([second.subarray(2), third])]
    expect(chunks.map((chunk) => cutter.take(chunk))).toEqual(['', '', '{"a":"é"}\n{"b":1}\n'])
  })

  it('a connection that was handed over has as long for its headers as any other', async () => {
    const http = createHttp((_, response) => void response.end(), undefined, { headersMs: 100 })
    const server = createTcpServer({ pauseOnConnect: true, allowHalfOpen: true }, (socket) => http.accept(socket))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
    client.write('GET / HTTP/1.1\r\nhost: a\r\nx: ')
    const [answer] = (await once(client, 'data')) as [Buffer]
    expect(String(answer)).toContain('the request did not arrive in time')
    client.destroy()
    await http.close(0)
    server.close()
  })
})

const waitingSql = `select count(distinct pid)::int as n from pg_locks
  where locktype = 'advisory' and not granted and database = (select oid from pg_database where datname = current_database())`
