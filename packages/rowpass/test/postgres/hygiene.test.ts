/** What one request leaves on its connection, and what a cancel request that is late strikes. */
import { type AddressInfo, createServer, type Server, Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import type { Flight, GatewayIdentity, Work } from '../../src/postgres/flight.ts'
import { Pool } from '../../src/postgres/pool.ts'
import { ticketOf } from '../../src/seal/form.ts'
import { sealSession } from '../../src/seal/seal.ts'
import { waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

function work(sql: string, over: Partial<Work> = {}): Work {
  const shape = { arrayMode: true, rawText: true }
  return {
    identity: undefined,
    statements: [{ sql, params: [], prepare: false, shape }],
    begin: undefined,
    exclusive: false,
    reset: false,
    ...over,
  }
}

function rowsOf({ error, sinks: [sink] }: Flight): unknown {
  if (error !== undefined) throw new Error(JSON.stringify(error))
  return sink === undefined ? undefined : JSON.parse(String(Buffer.concat(sink.finish() as Buffer[]))).rows
}

describePg('a connection after a request', () => {
  let database: TestDatabase
  let pool: Pool
  let proxy: Server | undefined

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    await withConnection(database.ownerUrl, (owner) =>
      owner.query('create sequence runs; grant usage on sequence runs to rowpass_gateway'),
    )
  })
  afterEach(async () => {
    await pool.close()
    proxy?.close()
  })
  afterAll(() => database.close())

  async function open(port?: number, statementTimeoutMs = 10_000): Promise<void> {
    const server = new URL(database.gatewayUrl)
    const { username: user, password } = server
    if (port !== undefined) Object.assign(server, { hostname: '127.0.0.1', port: String(port) })
    pool = new Pool({
      ...{ server, user, password, database: database.name, applicationName: 'rowpass test' },
      ...{ connectTimeoutMs: 5_000, statementTimeoutMs, lockTimeoutMs: 5_000, requestTimeoutMs: 10_000 },
      ...{ maxResponseBytes: 1_000_000, maxPreparedStatements: 100, size: 1, maxPipelineDepth: 8 },
      ...{ slowLimit: 2, maxQueued: 100, queueTimeoutMs: 5_000 },
    })
    await waitUntil(() => pool.open === 1)
  }

  function fly(one: Work): { done: Promise<Flight>; abort(): void } {
    const client = new AbortController()
    return { done: pool.run(one, { owner: 'ada', signal: client.signal }), abort: () => client.abort() }
  }

  /** Passes everything on to the server, cancel requests by `onCancel`. */
  async function startProxy(onCancel: (send: () => Socket, client: Socket) => void): Promise<number> {
    const { hostname, port } = new URL(database.gatewayUrl)
    const connect = (): Socket => new Socket().on('error', () => {}).connect(Number(port), hostname)
    proxy = createServer((client) => {
      client.on('error', () => {})
      client.once('data', (first: Buffer) => {
        if (first.length >= 8 && first.readInt32BE(4) === 80877102) {
          onCancel(() => connect().resume().end(first), client)
          return
        }
        const server = connect()
        server.write(first)
        client.pipe(server).pipe(client)
        server.on('close', () => client.destroy())
      })
    })
    await new Promise<void>((resolve) => proxy?.listen(0, '127.0.0.1', resolve))
    return (proxy.address() as AddressInfo).port
  }

  it('SEC-42 has nothing of the identity in its session', async () => {
    await open()
    const exp = Math.floor(Date.now() / 1000) + 60
    const session = sealSession(database.sealKeys[0], { role: 'authenticated', exp, claimsJson: '{"sub":"ada"}' })
    const identity = { role: 'authenticated', session }
    const traceparent = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'
    const asked = fly(work('select auth.user_id()', { identity, traceparent }))
    expect(rowsOf(await asked.done)).toEqual([['ada']])
    const settings = ['role', 'rowpass.claims', 'rowpass.seal', 'rowpass.traceparent']
    const left = fly(work(`select ${settings.map((name) => `current_setting('${name}', true)`).join(', ')}`))
    expect(rowsOf(await left.done)).toEqual([['none', '', '', '']])
  })

  it('SEC-42 has nothing of the ticket of an identity in its session', async () => {
    await open()
    const exp = Math.floor(Date.now() / 1000) + 60
    const session = sealSession(database.sealKeys[0], { role: 'authenticated', exp, claimsJson: '{"sub":"ada"}' })
    const identity: GatewayIdentity = { role: 'authenticated', session }
    expect((await fly(work('select rowpass.admit_identity()', { identity })).done).error).toBeUndefined()
    identity.remembered = true
    const setting = `current_setting('rowpass.seal', true)`
    expect(rowsOf(await fly(work(`select auth.user_id(), ${setting}`, { identity })).done)).toEqual([
      ['ada', ticketOf(session)],
    ])
    const left = fly(work(`select current_setting('role'), ${setting}`))
    expect(rowsOf(await left.done)).toEqual([['none', '']])
  })

  it('is in no transaction that somebody left open', async () => {
    await open()
    await fly(work('begin', { exclusive: true })).done
    await delay(500)
    const young = `select statement_timestamp() - now() < interval '400 ms'`
    expect(rowsOf(await fly(work(young)).done)).toEqual([['t']])
  })

  it('does not run a statement again that ran out of time', async () => {
    await open(undefined, 300)
    const late = await fly(work(`select nextval('runs'), pg_sleep(5)`)).done
    expect(late.error).toMatchObject({ error: { code: '57014' } })
    const runs = await withConnection(database.ownerUrl, (owner) => owner.query('select last_value from runs'))
    expect(runs.rows).toEqual([{ last_value: '1' }])
  })

  it('SEC-42 is not used for another request while a cancel request that struck nothing may still come', async () => {
    await open(
      await startProxy((send, client) => {
        client.destroy()
        setTimeout(send, 600)
      }),
    )
    const first = fly(work('select pg_sleep(0.3)'))
    await delay(100)
    first.abort()
    await first.done
    expect(rowsOf(await fly(work('select pg_sleep(1)')).done)).toEqual([['']])
  })

  it('SEC-42 is not used for another request before every cancel request has arrived', async () => {
    await open(
      await startProxy((send, client) => {
        send()
        setTimeout(() => send().on('close', () => client.destroy()), 600)
      }),
    )
    const first = fly(work('select pg_sleep(5)'))
    await delay(100)
    first.abort()
    expect((await first.done).error).toMatchObject({ error: { code: '57014' } })
    expect(rowsOf(await fly(work('select pg_sleep(1)')).done)).toEqual([['']])
  })
})
