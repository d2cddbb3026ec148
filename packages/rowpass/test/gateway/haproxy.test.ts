import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { type Haproxy, startHaproxy } from '../../../../bench/haproxy.ts'
import { freePort } from '../../../local/src/postgres/server.ts'
import { withConnection } from '../../src/database/connect.ts'
import { formatSealKeys, generateSealKey, installSealKeys, removeSealKey } from '../../src/seal/keys.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { startTestIssuer, type TestIssuer, waitUntil } from '../support/gateway.ts'
import {
  type GatewayProcess,
  patientMs,
  sendAlone,
  startGatewayProcess,
  startWrites,
  type WriteLoad,
  wrongWrites,
} from '../support/gateway-process.ts'
import { createTestDatabase, describePg, sealKeysText, type TestDatabase } from '../support/pg.ts'

describePg('two gateways behind HAProxy, as examples/haproxy has it', () => {
  vi.setConfig({ testTimeout: 2 * patientMs, hookTimeout: 2 * patientMs })
  let database: TestDatabase
  let issuer: TestIssuer
  let sandbox: Sandbox
  let token: string
  let keysFile: string
  let haproxy: Haproxy
  let url: string
  const ports: number[] = []
  const gateways: GatewayProcess[] = []
  let load: WriteLoad

  const rowsOf = (query: string): Promise<Record<string, unknown>[]> =>
    withConnection(database.ownerUrl, async (client) => (await client.query(query)).rows)

  const startGateway = (port: number): Promise<GatewayProcess> =>
    startGatewayProcess({
      ROWPASS_DATABASE_URL: database.gatewayUrl,
      ROWPASS_SEAL_KEYS_FILE: keysFile,
      ROWPASS_ISSUERS: JSON.stringify([{ iss: issuer.iss, jwks_url: issuer.jwksUrl, audience: 'rowpass' }]),
      ROWPASS_PORT: String(port),
      ROWPASS_GATEWAYS: '8',
      ROWPASS_DRAIN_SECONDS: '3',
      ROWPASS_ADDRESS_HEADER: 'X-Forwarded-For',
    })

  /** The load goes on until both gateways have answered so many more. */
  async function carriedByBoth(count = 20): Promise<void> {
    for (const gateway of gateways) {
      const answered = () => gateway.lines().filter(({ msg }) => msg === 'sql_answered').length
      const before = answered()
      await waitUntil(() => answered() >= before + count, patientMs)
    }
  }

  const refused = (since = 0) =>
    load.done
      .filter(({ startedAt, status }) => startedAt > since && status !== 200)
      .map(({ status, body, error }) => ({ status, code: body?.code, detail: body?.detail, error: error?.message }))

  beforeAll(async () => {
    sandbox = createSandbox()
    keysFile = join(sandbox.directory, 'seal-keys')
    writeFileSync(keysFile, sealKeysText)
    database = await createTestDatabase({ contents: 'platform' })
    await rowsOf('create table kept (id int); grant insert on kept to authenticated')
    issuer = await startTestIssuer()
    token = await issuer.token('ada')
    for (let number = 0; number < 2; number++) {
      ports.push(await freePort())
      gateways.push(await startGateway(ports[number] as number))
    }
    haproxy = await startHaproxy(ports, sandbox.directory)
    url = `http://127.0.0.1:${haproxy.port}/sql`
    const send = (query: string) => sendAlone(url, database.name, token, query)
    await waitUntil(async () => (await send('select 1')).status === 200, patientMs)
    load = startWrites(8, send)
  })
  afterAll(async () => {
    await load?.stop()
    haproxy?.close()
    await Promise.all(gateways.map((gateway) => gateway.stop()))
    await Promise.all([issuer?.close(), database?.close()])
    sandbox?.remove()
  })

  it('a new seal key is rolled out by the steps of its command, and no request is refused', async () => {
    await carriedByBoth()
    const next = generateSealKey('next')
    const [before] = database.sealKeys
    writeFileSync(keysFile, `${sealKeysText},${formatSealKeys([next])}`)
    await withConnection(database.ownerUrl, (client) => installSealKeys(client, [next]))
    writeFileSync(keysFile, `${formatSealKeys([next])},${sealKeysText}`)
    for (const gateway of gateways) {
      gateway.child.kill('SIGHUP')
      await waitUntil(() => gateway.lines().some(({ msg }) => msg === 'config_reloaded'), patientMs)
      await carriedByBoth()
    }
    await withConnection(database.ownerUrl, (client) => removeSealKey(client, before.name))
    await carriedByBoth()
    expect(refused()).toEqual([])
  })

  it('each is replaced in turn while the database serves both versions, and no request is refused', async () => {
    // As the "db migrate" of a later version leaves it, which serves gateways of before.
    const [serves] = await rowsOf('select rowpass.gateway_contracts() as numbers')
    const [oldest = 0, newest = 0] = (serves?.numbers ?? []) as number[]
    await rowsOf(
      `create or replace function rowpass.gateway_contracts() returns integer[] language sql immutable return array[${oldest}, ${newest + 1}]`,
    )
    for (const [index, port] of ports.entries()) {
      await carriedByBoth()
      expect(await gateways[index]?.stop()).toBe(0)
      gateways[index] = await startGateway(port)
    }
    await carriedByBoth()
    expect(refused()).toEqual([])
  })

  it('of one that is killed under load, only requests that it had are lost', async () => {
    await carriedByBoth()
    // Its sockets are closed only when the last of its threads is gone.
    await gateways[0]?.stop('SIGKILL')
    const deadAt = performance.now()
    const afterwards = () => load.done.filter(({ startedAt }) => startedAt > deadAt)
    await waitUntil(() => afterwards().length > 100, patientMs)
    gateways[0] = await startGateway(ports[0] as number)
    await carriedByBoth()
    await load.stop()
    expect(refused(deadAt)).toEqual([])
    expect(refused().filter(({ status }) => status !== 502)).toEqual([])
    const rows = await rowsOf('select id, count(*)::int as n from kept group by id')
    expect(wrongWrites(load, rows)).toEqual({ twice: [], missing: [] })
  })
})
