import type { ServerResponse } from 'node:http'
import { connect as connectHttp2, constants } from 'node:http2'
import { connect, type Socket } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { createHttp, type HttpServer } from '../../src/gateway/http.ts'

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

describe('connections of clients', () => {
  it('a client that says nothing is not kept', async () => {
    const port = await listen({ headersMs: 100 })
    expect(await conversation(port, () => {})).toBe('')
  })

  it('a client that does not finish its headers is not kept', async () => {
    const port = await listen({ headersMs: 100 })
    expect(await conversation(port, (socket) => socket.write('POST /sql HTTP/1.1\r\nHost: a'))).toContain('408')
  })

  it('a client that does not finish its body is not kept', async () => {
    server = createHttp(() => {}, undefined, { headersMs: 100, requestMs: 200 })
    const port = await server.listen(0, '127.0.0.1')
    const head = 'POST /sql HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab'
    expect(await conversation(port, (socket) => socket.write(head))).toContain('408')
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
