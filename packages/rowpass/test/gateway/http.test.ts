import type { ServerResponse } from 'node:http'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttp, type HttpServer } from '../../src/gateway/http/http.ts'

let server: HttpServer
afterEach(() => server.close(0))

async function listen(timeouts = {}): Promise<number> {
  server = createHttp((_, response) => response.end('ok'), undefined, timeouts)
  return server.listen(0, '127.0.0.1')
}

/** What the server sends until it closes the connection. */
async function conversation(port: number, send: (socket: Socket) => void): Promise<string> {
  const socket = connect(port, '127.0.0.1')
  let received = ''
  socket.on('data', (chunk) => {
    received += chunk
  })
  socket.on('error', () => {})
  const closed = new Promise((resolve) => socket.on('close', resolve))
  send(socket)
  await closed
  return received
}

/** The body of an answer that the Neon driver reads code and hint of. */
function readError(answer: string): { message: string; code: string; hint: string } {
  const [head = '', body = ''] = answer.split('\r\n\r\n')
  expect(head).toMatch(/^HTTP\/1\.1 (400 Bad Request|413 Content Too Large)\r\n/)
  expect(head).toContain('content-type: application/json')
  expect(head).toContain(`content-length: ${body.length}`)
  return JSON.parse(body)
}

describe('connections of clients', () => {
  it('a client that says nothing is not kept', async () => {
    const port = await listen({ headersMs: 100 })
    expect(await conversation(port, () => {})).toBe('')
  })

  it('a client that does not finish its headers is not kept', async () => {
    const port = await listen({ headersMs: 100 })
    const answer = await conversation(port, (socket) => socket.write('POST /sql HTTP/1.1\r\nHost: a'))
    expect(readError(answer)).toMatchObject({ message: 'the request did not arrive in time', code: '08P01' })
  })

  it('a client that does not finish its body is not kept', async () => {
    server = createHttp(() => {}, undefined, { headersMs: 100, requestMs: 200 })
    const port = await server.listen(0, '127.0.0.1')
    const head = 'POST /sql HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab'
    const answer = await conversation(port, (socket) => socket.write(head))
    expect(readError(answer)).toMatchObject({ message: 'the request did not arrive in time', code: '08P01' })
  })

  it('an HTTP/2 client that does not finish its body has its stream closed, the connection stays', async () => {
    server = createHttp((request, response) => request.resume().on('end', () => response.end('ok')), undefined, {
      headersMs: 100,
      requestMs: 100,
    })
    const session = connectHttp2(`http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`)
    const ask = (end: boolean) => {
      const stream = session.request({ ':method': 'POST', ':path': '/sql' })
      stream.on('error', () => {}).resume()
      stream[end ? 'end' : 'write']('ab')
      return new Promise((resolve) => stream.on('close', () => resolve(stream.rstCode)))
    }
    expect(await ask(false)).toBe(constants.NGHTTP2_CANCEL)
    expect(await ask(true)).toBe(constants.NGHTTP2_NO_ERROR)
    session.close()
  })

  it('an HTTP/2 connection that nobody uses is not kept, one with a request under way is', async () => {
    let answer = () => {}
    const wait = (_: unknown, response: ServerResponse) => {
      answer = () => response.end('late')
    }
    server = createHttp(wait, undefined, { idleMs: 100 })
    const session = connectHttp2(`http://127.0.0.1:${await server.listen(0, '127.0.0.1')}`)
    const closed = new Promise((resolve) => session.on('close', resolve))
    const stream = session.request({ ':path': '/' })
    let received = ''
    stream.setEncoding('utf8').on('data', (text) => {
      received += text
    })
    await new Promise((resolve) => session.on('goaway', resolve))
    expect(stream.closed).toBe(false)
    answer()
    await closed
    expect(received).toBe('late')
  })

  it('a request that arrives byte by byte is answered', async () => {
    const port = await listen()
    const answer = await conversation(port, (socket) => {
      for (const byte of 'GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n') socket.write(byte)
    })
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*ok$/)
  })

  it('closing says how many connections it has cut off', async () => {
    let take = (): void => {}
    const taken = new Promise<void>((resolve) => {
      take = resolve
    })
    server = createHttp(() => take())
    const port = await server.listen(0, '127.0.0.1')
    const heard = conversation(port, (socket) => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n'))
    await taken
    expect(await server.close(50)).toBe(1)
    expect(await heard).toBe('')
  })

  it('closing ends idle connections of both protocols at once', async () => {
    const port = await listen()
    await fetch(`http://127.0.0.1:${port}/`)
    const session = connectHttp2(`http://127.0.0.1:${port}`)
    const ended = new Promise((resolve) => session.on('close', resolve))
    const stream = session.request({ ':path': '/' })
    stream.resume()
    await new Promise((resolve) => stream.on('end', resolve))
    await server.close(60_000)
    await ended
  })
})

describe('what is no request', () => {
  it.each([
    [
      'headers of 25 KB',
      `GET / HTTP/1.1\r\nHost: a\r\nA: ${'x'.repeat(25_000)}\r\n\r\n`,
      /^headers_too_large: /,
      '54000',
    ],
    [
      'many headers',
      `GET / HTTP/1.1\r\nHost: a\r\n${'Abcd: efgh\r\n'.repeat(4_000)}\r\n`,
      /^headers_too_large: /,
      '54000',
    ],
    ['another protocol', 'hello\r\n\r\n', /^request_invalid: /, '08P01'],
    ['a header without a name', 'GET / HTTP/1.1\r\nHost: a\r\n: x\r\n\r\n', /^request_invalid: /, '08P01'],
    [
      'two lengths',
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n',
      /^request_invalid: /,
      '08P01',
    ],
    [
      'extensions of chunks without end',
      `POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n1;${'x'.repeat(20_000)}\r\n`,
      /^request_too_large: /,
      '54000',
    ],
  ])('%s: the answer has a code', async (_, bytes, hint, code) => {
    server = createHttp((request, response) => void request.resume().on('end', () => response.end('ok')))
    const port = await server.listen(0, '127.0.0.1')
    const answer = await conversation(port, (socket) => socket.write(bytes))
    expect(readError(answer)).toMatchObject({ hint: expect.stringMatching(hint), code })
  })

  it('headers of 25 KB over HTTP/2 have the same answer, and the connection stays', async () => {
    const session = connectHttp2(`http://127.0.0.1:${await listen()}`)
    const ask = (value: string) => {
      const stream = session.request({ ':path': '/', a: value })
      let body = ''
      stream.setEncoding('utf8').on('data', (text) => {
        body += text
      })
      return new Promise<string>((resolve) => stream.on('end', () => resolve(body)))
    }
    expect(JSON.parse(await ask('x'.repeat(25_000)))).toMatchObject({
      code: '54000',
      hint: expect.stringMatching(/^headers_too_large/),
    })
    expect(await ask('x')).toBe('ok')
    session.close()
  })

  it('a good request in front of it is answered first', async () => {
    server = createHttp((_, response) => void setTimeout(() => response.end('late'), 50))
    const port = await server.listen(0, '127.0.0.1')
    const answer = await conversation(port, (socket) => socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\nhello\r\n\r\n'))
    expect(answer).toMatch(/^HTTP\/1\.1 200 OK[\s\S]*lateHTTP\/1\.1 400 Bad Request/)
  })
})

describe('requests in one connection', () => {
  it.each(['h2c', 'websocket'])(
    'one that offers %s behind one that is not answered yet is answered after it',
    async (protocol) => {
      const upgrades: string[] = []
      server = createHttp(
        (request, response) => void setTimeout(() => response.end(`[${request.url}]`), request.url === '/1' ? 50 : 0),
        (request, socket) => {
          upgrades.push(request.url ?? '')
          socket.end('[upgraded]')
        },
      )
      const port = await server.listen(0, '127.0.0.1')
      const answer = await conversation(port, (socket) =>
        socket.write(
          'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n' +
            `GET /2 HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n` +
            'GET /3 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n',
        ),
      )
      expect(answer.match(/\[.*?\]/g)).toEqual(protocol === 'h2c' ? ['[/1]', '[/2]', '[/3]'] : ['[/1]', '[upgraded]'])
      expect(upgrades).toEqual(protocol === 'h2c' ? [] : ['/2'])
    },
  )
})

describe('an answer that is not read', () => {
  const large = Buffer.alloc(20_000_000, 'x')
  const stallMs = 300
  let closed: Promise<number>

  async function listenLarge(maxStallMs = stallMs): Promise<number> {
    let close = (_ms: number) => {}
    closed = new Promise((resolve) => {
      close = resolve
    })
    server = createHttp(
      (_, response) => {
        const startedAt = performance.now()
        response.once('close', () => close(performance.now() - startedAt))
        response.writeHead(200, { 'content-length': large.length })
        server.end(response, [large], large.length)
      },
      undefined,
      { stallMs: maxStallMs },
    )
    return server.listen(0, '127.0.0.1')
  }

  it('SEC-77 is dropped with its connection', async () => {
    const socket = connect(await listenLarge(), '127.0.0.1')
    socket.on('error', () => {}).pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    expect(await closed).toBeGreaterThanOrEqual(stallMs)
    socket.destroy()
  })

  it('SEC-77 is dropped although its client goes on sending', async () => {
    const socket = connect(await listenLarge(), '127.0.0.1')
    socket.on('error', () => {}).pause()
    socket.write('GET / HTTP/1.1\r\nHost: a\r\n\r\n')
    const more = setInterval(() => socket.write('G'), 20)
    await closed
    clearInterval(more)
    socket.destroy()
  })

  it('SEC-77 is dropped with its stream of HTTP/2, others of the connection go on', async () => {
    const session = connectHttp2(`http://127.0.0.1:${await listenLarge()}`)
    session.on('error', () => {})
    const unread = session.request({ ':path': '/' })
    unread.on('error', () => {})
    await closed
    const other = session.request({ ':path': '/' })
    other.on('error', () => {})
    let received = 0
    other.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    await new Promise((resolve) => other.on('close', resolve))
    expect(received).toBe(large.length)
    expect(unread.rstCode).toBe(constants.NGHTTP2_CANCEL)
    session.destroy()
  })

  it('SEC-77 is dropped with its connection of HTTP/2 when that is not read at all', async () => {
    const socket = connect(await listenLarge(), '127.0.0.1')
    const session = connectHttp2('http://localhost', {
      createConnection: () => socket,
      settings: { initialWindowSize: 2 ** 30 },
    })
    session.on('error', () => {})
    await new Promise((resolve) => session.once('connect', resolve))
    session.setLocalWindowSize(2 ** 30)
    session
      .request({ ':path': '/' })
      .on('error', () => {})
      .resume()
    await new Promise((resolve) => session.once('remoteSettings', resolve))
    socket.pause()
    await closed
    session.destroy()
    socket.destroy()
  })

  it('is sent to the end when it is read slowly', async () => {
    const patientMs = 2_000
    const socket = connect(await listenLarge(patientMs), '127.0.0.1')
    let received = 0
    socket.on('data', (chunk) => {
      received += chunk.length
      socket.pause()
      setTimeout(() => socket.resume(), 10)
    })
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n')
    expect(await closed).toBeGreaterThan(patientMs)
    await new Promise((resolve) => socket.on('close', resolve))
    expect(received).toBeGreaterThan(large.length)
  })
})
