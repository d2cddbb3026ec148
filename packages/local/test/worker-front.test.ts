import { createServer, type IncomingMessage, type Server } from 'node:http'
import { type AddressInfo, connect } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { waitUntil } from '../../rowpass/test/support/gateway.ts'
import { freePort } from '../src/postgres/server.ts'
import { createApiFront } from '../src/worker/front.ts'

describe('the front of the API', () => {
  const servers: Server[] = []
  afterEach(() => {
    for (const server of servers.splice(0)) server.close().closeAllConnections()
  })

  /** A server in the place of wrangler's, and the front before it. */
  async function start(answer: (request: IncomingMessage, body: string) => unknown) {
    const server = createServer(async (request, response) => {
      let body = ''
      for await (const chunk of request) body += chunk
      const text = JSON.stringify(answer(request, body) ?? null)
      response.writeHead(201, ['Set-Cookie', 'a=1', 'Set-Cookie', 'b=2', 'X-Kept', 'yes']).end(text)
    })
    servers.push(server)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const front = createApiFront()
    const port = await freePort()
    await front.listen(port, new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`))
    return { port, url: `http://127.0.0.1:${port}`, secret: front.bindings.FRONT_SECRET, server, front }
  }

  /** What a client hears that writes each byte itself. */
  function say(port: number, text: string): Promise<string> {
    return new Promise((resolve, reject) => {
      let heard = ''
      const socket = connect(port, '127.0.0.1', () => socket.write(text))
      socket
        .on('data', (chunk) => {
          heard += chunk
        })
        .on('close', () => resolve(heard))
        .on('error', reject)
    })
  }

  it('SEC-78 passes on the host and the headers of the client, and none that wrangler believes', async () => {
    const { port, secret } = await start((request) => request.rawHeaders)
    const heard = await say(
      port,
      [
        'GET /a?b HTTP/1.1',
        'Host: evil.example',
        'MF-Original-URL: http://127.0.0.1/',
        'mf-proxy-shared-secret: x',
        'Rowpass-Front: guessed',
        'rowpass-peer-address: 192.0.2.1',
        'Authorization: Bearer a',
        'Authorization: Bearer b',
        'Connection: close',
        '\r\n',
      ].join('\r\n'),
    )
    expect(heard).toMatch(/^HTTP\/1.1 201 .*Set-Cookie: a=1\r\nSet-Cookie: b=2\r\nX-Kept: yes\r\n/s)
    const headers: string[] = JSON.parse(heard.slice(heard.indexOf('['), heard.lastIndexOf(']') + 1))
    expect(headers.slice(0, 10)).toEqual([
      ...['Host', 'evil.example', 'Authorization', 'Bearer a', 'Authorization', 'Bearer b'],
      ...['Rowpass-Front', secret, 'Rowpass-Peer-Address', '127.0.0.1'],
    ])
    expect(headers.filter((name) => /^(mf-|rowpass-)/i.test(name))).toHaveLength(2)
  })

  it.each(['POST', 'DELETE'])('passes on a body of %s, with its length or as it comes', async (method) => {
    const { url } = await start((request, text) => [request.method, text.length])
    const stream = new Blob(['x'.repeat(100_000)]).stream()
    for (const body of ['x'.repeat(100_000), stream]) {
      const response = await fetch(url, { method, body, duplex: 'half' } as RequestInit)
      expect(await response.json()).toEqual([method, 100_000])
    }
  })

  it('lets go of the Worker when the client goes', async () => {
    let ended = false
    const { url } = await start((request) => void request)
    servers[0]!.removeAllListeners('request').on('request', (_, response) => {
      response.on('close', () => {
        ended = true
      })
    })
    await expect(fetch(url, { signal: AbortSignal.timeout(200) })).rejects.toThrow()
    await waitUntil(() => ended)
  })

  it('answers 502 where wrangler does not', async () => {
    const { url, server } = await start(() => 'x')
    server.close().closeAllConnections()
    expect((await fetch(url)).status).toBe(502)
  })

  it('keeps requests while the Worker is built, and passes each on once', async () => {
    const asked: string[] = []
    const { url, front } = await start((request) => void asked.push(request.url!))
    front.hold()
    const waiting = [fetch(`${url}/1`), fetch(`${url}/2`)]
    await expect(fetch(`${url}/3`, { signal: AbortSignal.timeout(200) })).rejects.toThrow()
    expect(asked).toEqual([])
    front.open()
    expect((await Promise.all(waiting)).map(({ status }) => status)).toEqual([201, 201])
    expect(asked).toEqual(expect.arrayContaining(['/1', '/2']))
    expect(new Set(asked).size).toBe(asked.length)
  })

  it('answers 500 with the reason where the Worker cannot be built, those too that wait or are under way', async () => {
    const { url, port, server, front } = await start(() => 'x')
    const underWay = fetch(url)
    await new Promise((resolve) => server.removeAllListeners('request').once('request', resolve))
    front.hold()
    const waiting = fetch(url, { method: 'POST', body: 'x' })
    front.fail('a.ts:1:2: Unexpected end of file')
    for (const answer of [underWay, waiting, fetch(url)]) {
      const response = await answer
      expect(response.status).toBe(500)
      expect(await response.text()).toContain('a.ts:1:2: Unexpected end of file')
    }
    // SEC-78 Not to a page whose name was made to point here: it quotes source code.
    const heard = await say(port, 'GET / HTTP/1.1\r\nHost: evil.example\r\nConnection: close\r\n\r\n')
    expect(heard).toMatch(/^HTTP\/1.1 500 /)
    expect(heard).not.toContain('a.ts')
    front.hold()
    front.open()
    server.on('request', (_, response) => response.end('again'))
    expect(await (await fetch(url)).text()).toBe('again')
  })
})
