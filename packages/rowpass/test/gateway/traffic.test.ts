import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest'
import { createTraffic } from '../../src/gateway/traffic.ts'
import { startTestGateway, type TestGateway, waitUntil } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'
import { connectMcp } from './mcp-client.ts'

const kibibyte = 1024

describe('the traffic of an owner', () => {
  afterEach(() => void vi.restoreAllMocks())
  const open = (maxWaitMs = 10_000) => {
    let now = 0
    vi.spyOn(performance, 'now').mockImplementation(() => now)
    const traffic = createTraffic({ bytesPerSecond: 100 * kibibyte, maxWaitMs })
    const pass = (ms: number) => {
      now += ms
    }
    return { ...traffic, pass }
  }

  it('SEC-77 may be as much at once as two seconds allow, then it waits, and nobody else does', () => {
    const { admit } = open()
    expect(admit('ada', 200 * kibibyte)).toBeUndefined()
    expect(admit('ada', 200 * kibibyte)).toBeUndefined()
    expect(admit('ada', 0)).toBeInstanceOf(Promise)
    expect(admit('bob', 200 * kibibyte)).toBeUndefined()
  })

  it('SEC-77 drains by the second', () => {
    const { admit, moved, pass } = open()
    moved('ada', 300 * kibibyte)
    pass(999)
    expect(admit('ada', 0)).toBeInstanceOf(Promise)
    pass(2)
    expect(admit('ada', 0)).toBeUndefined()
  })

  it('SEC-77 is refused when it would wait for too long, and that does not count', () => {
    const { admit, moved, pass } = open(500)
    moved('ada', 400 * kibibyte)
    for (let attempt = 0; attempt < 3; attempt++) {
      expect(() => admit('ada', 1_000 * kibibyte)).toThrow(
        expect.objectContaining({ code: 'overloaded', retryAfterSeconds: 2 }),
      )
    }
    pass(1_500)
    expect(admit('ada', 0)).toBeInstanceOf(Promise)
  })

  it('SEC-77 gives back what was announced and did not come', () => {
    const { admit, moved } = open()
    expect(admit('ada', 1_000 * kibibyte)).toBeUndefined()
    moved('ada', 100 * kibibyte - 1_000 * kibibyte)
    expect(admit('ada', 100 * kibibyte)).toBeUndefined()
    expect(admit('ada', 0)).toBeUndefined()
    moved('ada', -1_000 * kibibyte)
    moved('ada', 300 * kibibyte)
    expect(admit('ada', 0)).toBeInstanceOf(Promise)
  })

  it('keeps nobody waiting who has gone', async () => {
    const { admit, moved } = open(100_000)
    moved('ada', 9_000 * kibibyte)
    const client = new AbortController()
    const admitted = admit('ada', 0, client.signal)
    client.abort()
    await admitted
  })

  it('does not count what is small', () => {
    const { admit, moved } = open()
    for (let request = 0; request < 100; request++) moved('ada', 64 * kibibyte)
    expect(admit('ada', 0)).toBeUndefined()
  })
})

describePg('bodies and answers through the gateway', () => {
  let database: TestDatabase
  let gateway: TestGateway
  // It takes a minute to drain, so that a slow machine does not let it.
  const [large, length] = ['x'.repeat(4_000 * kibibyte), 'select length($1)::text as n']
  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    const settings = {
      ...{ ROWPASS_IDENTITY_BYTES_PER_SECOND: '65536', ROWPASS_QUEUE_TIMEOUT_MS: '700' },
      ...{ ROWPASS_MCP: 'true', ROWPASS_MCP_MAX_BYTES: '1048576' },
    }
    gateway = await startTestGateway(database, settings)
  })
  afterAll(async () => {
    await gateway.close()
    await database.close()
  })

  it.each([
    ['a body', length, [large]],
    ['an answer', 'select repeat($1, 4096000) as n', ['x']],
  ])('SEC-77 %s counts against whoever moved it', async (what, sql, params) => {
    const [ada, bob] = [await gateway.issuer.token(`ada ${what}`), await gateway.issuer.token(`bob ${what}`)]
    expect((await gateway.sql(ada, sql, params)).status).toBe(200)
    const { status, headers, body } = await gateway.sql(ada, length, ['y'])
    expect({ status, body }).toMatchObject({ status: 400, body: { message: expect.stringContaining('more bytes') } })
    expect(Number(headers.get('retry-after'))).toBeGreaterThan(0)
    expect((await gateway.sql(bob, length, ['y'])).body.rows).toEqual([{ n: '1' }])
  })

  it('SEC-77 what an assistant reads counts as well, and holds up its own', async () => {
    const token = await gateway.issuer.token('agatha')
    const { call, close } = await connectMcp(gateway, token)
    const read = () => call('query', { sql: "select repeat('x', 900000) as n" })
    expect((await read()).isError).toBe(false)
    await expect(read()).rejects.toThrow('more bytes')
    expect((await gateway.sql(token, length, ['y'])).body.message).toContain('more bytes')
    await close()
  })

  it('SEC-76 a large body that is refused is not read on', async () => {
    const { hostname, port } = new URL(gateway.url)
    const socket = connect(Number(port), hostname)
    const head = `POST /sql HTTP/1.1\r\nhost: x\r\nauthorization: Bearer none\r\ncontent-length: 9000000\r\n\r\n`
    socket.on('error', () => {})
    socket.write(`${head}{`)
    let answer = ''
    for await (const chunk of socket) answer += chunk
    expect(answer).toMatch(/^HTTP\/1.1 400 [\s\S]*\r\nconnection: close\r\n/i)
    expect((await fetch(new URL('/healthz', gateway.url))).headers.get('connection')).toBe('keep-alive')
    const small = await fetch(gateway.url, { method: 'POST', body: 'x'.repeat(1_000) })
    expect([small.status, small.headers.get('connection')]).toEqual([400, 'keep-alive'])
  })

  /** Sends the head of a request with a body of so many bytes, and of that one only; resolves when it has left or was answered. */
  async function announce(token: string, bytes: number): Promise<string> {
    const { hostname, port } = new URL(gateway.url)
    const socket = connect(Number(port), hostname)
    socket.on('error', () => {})
    const head = `authorization: Bearer ${token}\r\nneon-connection-string: postgresql://a@b/${database.name}\r\n`
    socket.write(`POST /sql HTTP/1.1\r\nhost: x\r\n${head}content-length: ${bytes}\r\n\r\n{`)
    const [chunk] = await Promise.race([once(socket, 'data'), wait(300, [''])])
    socket.destroy()
    return String(chunk)
  }

  it.each([
    ['more than it may send', 10 ** 12],
    ['what does not come', 4_000 * kibibyte],
  ])('SEC-77 who announces %s keeps nobody of their tenant waiting', async (what, bytes) => {
    const token = await gateway.issuer.token(`dora ${what}`)
    await announce(token, bytes)
    await waitUntil(async () => (await gateway.sql(token, length, ['y'])).status === 200)
  })

  it('a client that leaves while it waits is let go of at once, and its slot with it', async () => {
    const patient = await startTestGateway(database, {
      ...{ ROWPASS_IDENTITY_BYTES_PER_SECOND: '65536', ROWPASS_QUEUE_TIMEOUT_MS: '60000' },
    })
    const token = await patient.issuer.token('erin')
    expect((await patient.sql(token, length, ['x'.repeat(3_000 * kibibyte)])).status).toBe(200)
    const leaving = new AbortController()
    const sent = fetch(patient.url, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'neon-connection-string': `postgresql://a@b/${database.name}` },
      body: JSON.stringify({ query: length, params: ['y'] }),
      signal: leaving.signal,
    })
    const ended = () => patient.events.filter((event) => event.type === 'sql_answered').map(({ outcome }) => outcome)
    await Promise.race([sent.catch(() => {}), wait(500)])
    expect(ended()).toEqual(['ok'])
    leaving.abort()
    await sent.catch(() => {})
    await waitUntil(() => ended().length === 2)
    expect(ended()).toEqual(['ok', 'request_invalid'])
    await patient.close()
  })

  it('SEC-77 a body without an announced length counts too', async () => {
    const token = await gateway.issuer.token('carol')
    const send = (text: string) =>
      fetch(gateway.url, {
        method: 'POST',
        headers: { authorization: `Bearer ${token}`, 'neon-connection-string': `postgresql://a@b/${database.name}` },
        body: new Blob([JSON.stringify({ query: length, params: [text] })]).stream(),
        duplex: 'half',
      } as RequestInit)
    expect((await send(large)).status).toBe(200)
    expect((await send('y')).status).toBe(400)
  })
})
