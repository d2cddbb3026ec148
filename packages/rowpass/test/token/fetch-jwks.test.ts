import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FetchOptions, fetchJwks, fetchTimeoutMs, maxBodyBytes } from '../../src/token/fetch-jwks.ts'
import * as t from './test-issuer.ts'

let server: t.TestServer

beforeAll(async () => {
  server = await t.startServer(t.refuseAll)
})

afterAll(() => server.close())

const get = (url: URL, change: Partial<FetchOptions> = {}) => fetchJwks({ iss: t.ISS, url, fetch, ...change })

const reasonOf = (work: Promise<unknown>) =>
  work.then(
    () => 'fetched',
    (error: { reason?: string }) => error.reason,
  )

describe('a fetch of a JWKS', () => {
  it('reads a body up to the last byte that is allowed', async () => {
    server.answer((_, response) => response.end('a'.repeat(maxBodyBytes)))
    expect((await get(server.url)).body).toHaveLength(maxBodyBytes)
  })

  const tooLarge: [string, t.Handler][] = [
    ['with its length declared', (_, response) => response.end('a'.repeat(maxBodyBytes + 1))],
    [
      'in pieces',
      (_, response) => {
        response.write('a'.repeat(maxBodyBytes))
        setTimeout(() => response.end('a'), 5)
      },
    ],
    [
      'once decompressed',
      (_, response) => {
        response.writeHead(200, { 'content-encoding': 'gzip' }).end(gzipSync('a'.repeat(maxBodyBytes * 100)))
      },
    ],
  ]

  it.each(tooLarge)('SEC-28 refuses a body over the limit, %s', async (_, handler) => {
    server.answer(handler)
    expect(await reasonOf(get(server.url))).toBe('too_large')
  })

  it('SEC-28 stops reading a body that has no end', async () => {
    let sent = 0
    let gone = false
    server.answer((_, response) => {
      const timer = setInterval(() => {
        sent += 16_384
        response.write('a'.repeat(16_384))
      }, 1)
      response.on('close', () => {
        gone = true
        clearInterval(timer)
      })
    })
    expect(await reasonOf(get(server.url))).toBe('too_large')
    await expect.poll(() => gone).toBe(true)
    expect(sent).toBeLessThan(10_000_000)
  })

  it.each([301, 302, 303, 307, 308])('SEC-28 does not follow a redirect (%i)', async (status) => {
    const target = await t.startServer(t.publish([]))
    server.answer((_, response) => response.writeHead(status, { location: target.url.href }).end())
    expect(await reasonOf(get(server.url))).toBe('status')
    expect(target.requests).toEqual([])
    await target.close()
  })

  it.each([204, 206, 304, 400, 404, 500])('takes no answer with the status %i', async (status) => {
    server.answer((_, response) => response.writeHead(status).end())
    expect(await reasonOf(get(server.url))).toBe('status')
  })

  const slow: [string, t.Handler][] = [
    ['sends nothing', () => {}],
    ['stops after the head', (_, response) => response.writeHead(200).flushHeaders()],
    [
      'trickles its body',
      (_, response) => {
        const timer = setInterval(() => response.write(' '), 10)
        response.on('close', () => clearInterval(timer))
      },
    ],
  ]

  it.each(slow)('SEC-28 gives up on a server that %s', async (_, handler) => {
    server.answer(handler)
    expect(await reasonOf(get(server.url, { timeoutMs: 150 }))).toBe('timeout')
  })

  it('SEC-28 gives up on a fetch that does not heed its signal', async () => {
    expect(await reasonOf(get(server.url, { fetch: () => new Promise(() => {}), timeoutMs: 50 }))).toBe('timeout')
  })

  it('SEC-28 is given five seconds and 64 KiB', () => {
    expect([fetchTimeoutMs, maxBodyBytes]).toEqual([5000, 65_536])
  })

  it('asks once more when the connection breaks, and no more than once', async () => {
    let broken = 0
    server.answer((request, response) => {
      if (broken++ === 0) request.socket.destroy()
      else response.end('{}')
    })
    expect((await get(server.url)).body).toHaveLength(2)
    expect(broken).toBe(2)
    broken = 0
    server.answer((request) => {
      broken++
      request.socket.destroy()
    })
    expect(await reasonOf(get(server.url))).toBe('unreachable')
    expect(broken).toBe(2)
  })

  it('says that the server cannot be reached', async () => {
    const closed = createServer().listen(0, '127.0.0.1')
    await new Promise((resolve) => closed.once('listening', resolve))
    const { port } = closed.address() as AddressInfo
    await new Promise((resolve) => closed.close(resolve))
    expect(await reasonOf(get(new URL(`http://127.0.0.1:${port}/`)))).toBe('unreachable')
  })
})
