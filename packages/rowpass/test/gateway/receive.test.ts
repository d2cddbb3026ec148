import { createServer } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { queryObjects } from 'node:v8'
import { afterAll, afterEach, beforeAll, expect, it } from 'vitest'
import { readHeaders, ServerRequest } from '../../src/gateway/http/receive.ts'

const bodyBytes = 4 * 1_048_576
const clients = 16
let bytesOfTurn = 0
let mostOfTurn = 0
const bodies: Buffer[] = []
let held = 0

const server = createServer((request, response) => {
  const config = { maxRequestBytes: bodyBytes, addressHeader: undefined }
  const received = new ServerRequest('', request, response, readHeaders(request.rawHeaders), config)
  const hold = (bytes: number) => {
    bytesOfTurn += bytes
    held += bytes
    return true
  }
  received.body(hold).then(
    (whole) => {
      bodies.push(whole)
      response.end()
    },
    () => response.destroy(),
  )
})
let over = false
function nextTurn(): void {
  mostOfTurn = Math.max(mostOfTurn, bytesOfTurn)
  bytesOfTurn = 0
  if (!over) setImmediate(nextTurn)
}

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
afterEach(() => {
  bodies.length = 0
  held = 0
})
afterAll(() => {
  over = true
  server.closeAllConnections()
  server.close()
})

it('SEC-76 large bodies are read in small pieces, and others have their turn between them', async () => {
  const { port } = server.address() as AddressInfo
  nextTurn()
  const sent = Array.from({ length: clients }, () => {
    const socket = new Socket()
    socket.connect(port, '127.0.0.1')
    socket.write(`POST /sql HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-length: ${bodyBytes}\r\n\r\n`)
    socket.write(Buffer.alloc(bodyBytes))
    return new Promise((resolve) => socket.resume().on('close', resolve))
  })
  await Promise.all(sent)
  expect(bodies.map(({ length }) => length)).toEqual(Array(clients).fill(bodyBytes))
  // The first piece of each, and a few more; Node alone reads all that has come of each.
  expect(mostOfTurn).toBeLessThanOrEqual((clients + 8) * 64 * 1024)
})

it.each([
  ['in one piece, as it is', [10_000], true],
  ['in many, whose length is known', [1, 5_000, 1, 100_000, 3, 200_000], true],
  ['in many, of an unknown length', [1, 5_000, 1, 100_000, 3, 200_000], false],
  ['of nothing', [], true],
])('a body is read %s', async (_title, sizes, isAnnounced) => {
  const { port } = server.address() as AddressInfo
  const whole = Buffer.from(Array.from({ length: sizes.reduce((sum, size) => sum + size, 0) }, (_, n) => n % 251))
  const socket = new Socket().connect(port, '127.0.0.1')
  const ended = new Promise((resolve) => socket.resume().on('close', resolve))
  const framing = isAnnounced ? `content-length: ${whole.length}` : 'transfer-encoding: chunked'
  socket.write(`POST /sql HTTP/1.1\r\nhost: x\r\nconnection: close\r\n${framing}\r\n\r\n`)
  let at = 0
  for (const size of sizes) {
    const part = whole.subarray(at, at + size)
    const lines = isAnnounced ? ['', ''] : [`${size.toString(16)}\r\n`, '\r\n']
    socket.write(Buffer.concat([Buffer.from(lines[0] ?? ''), part, Buffer.from(lines[1] ?? '')]))
    at += size
    while (held < at) await new Promise(setImmediate)
  }
  if (!isAnnounced) socket.write('0\r\n\r\n')
  await ended
  expect(bodies).toEqual([whole])
})

it('SEC-76 a body in tiny chunks takes no more memory than its bytes', async () => {
  const { port } = server.address() as AddressInfo
  const chunks = 20_000
  const socket = new Socket().connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  socket.write('POST /sql HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n')
  const before = queryObjects(Buffer, { format: 'count' })
  socket.write('1\r\nx\r\n'.repeat(chunks))
  while (held < chunks) await new Promise(setImmediate)
  expect(queryObjects(Buffer, { format: 'count' }) - before).toBeLessThan(chunks / 20)
  socket.destroy()
})
