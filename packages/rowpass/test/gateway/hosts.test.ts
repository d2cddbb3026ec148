import { request } from 'node:http'
import { connect as connectHttp2 } from 'node:http2'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startTestGateway, type TestGateway } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'
import { connect } from './raw-client.ts'

describePg('the host that a request is sent to', () => {
  let database: TestDatabase
  let gateway: TestGateway
  let open: TestGateway

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'platform' })
    gateway = await startTestGateway(database, {
      ROWPASS_HOSTS: 'sql.example.test',
      ROWPASS_PASSWORD_MODE: 'true',
    })
    open = await startTestGateway(database)
  })
  afterAll(async () => {
    await gateway.close()
    await open.close()
    await database.close()
  })

  const own = ['127.0.0.1', 'localhost:4444', '[::1]', 'sql.example.test', 'SQL.example.test:443']
  const foreign = ['evil.example.test', 'evil.example.test:4444', '127.0.0.1.evil.example.test']

  async function post(to: TestGateway, host: string): Promise<{ status: number | undefined; text: string }> {
    const token = await to.issuer.token('ada')
    const headers = { Host: host, Authorization: `Bearer ${token}`, 'Neon-Connection-String': to.connectionString }
    return new Promise((resolve, reject) => {
      request(to.url, { method: 'POST', headers }, async (response) => {
        let text = ''
        for await (const chunk of response) text += chunk
        resolve({ status: response.statusCode, text })
      })
        .on('error', reject)
        .end('{"query":"select 1 as one"}')
    })
  }

  it.each(own)('may be %s', async (host) => {
    expect((await post(gateway, host)).text).toContain('"one"')
  })

  it.each(foreign)('SEC-78 a page of another name gets no answer, with a token too: %s', async (host) => {
    const { status, text } = await post(gateway, host)
    expect(status).toBe(400)
    expect(JSON.parse(text)).toMatchObject({ code: '08004', hint: expect.stringMatching(/^host_unknown: /) })
  })

  it('SEC-78 the same over HTTP/2', async () => {
    const session = connectHttp2(new URL(gateway.url).origin)
    const statusAt = (headers: Record<string, string>) =>
      new Promise((resolve, reject) => {
        const stream = session.request({ ':path': '/readyz', ...headers })
        stream.on('response', ({ ':status': status }) => resolve(status)).on('error', reject)
        stream.resume().end()
      })
    try {
      expect(await statusAt({ ':authority': 'localhost' })).toBe(200)
      expect(await statusAt({ ':authority': 'evil.example.test' })).toBe(400)
      expect(await statusAt({ ':authority': 'localhost', host: 'evil.example.test' })).toBe(400)
    } finally {
      session.close()
    }
  })

  it('SEC-78 the same without a socket', async () => {
    const statusAt = async (host: string, headers = {}) =>
      (await gateway.gateway.fetch(new Request(`http://${host}/readyz`, { headers }))).status
    expect(await statusAt('sql.example.test')).toBe(200)
    expect(await statusAt('evil.example.test')).toBe(400)
    expect(await statusAt('localhost', { Host: 'evil.example.test' })).toBe(400)
  })

  it('SEC-78 no WebSocket is opened for another name', async () => {
    await expect(connect(gateway.url, { headers: { Host: 'evil.example.test' } })).rejects.toThrow('421')
    const { socket } = await connect(gateway.url, { headers: { Host: 'sql.example.test' } })
    socket.terminate()
  })

  it('may be any where no name is given', async () => {
    for (const host of [...own, 'evil.example.test']) expect((await post(open, host)).text).toContain('"one"')
  })
})
