import { createServer } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { createAnswering } from '../../src/gateway/http/answering.ts'

const pieceBytes = 64 * 1024
const answering = createAnswering(30_000)
let body: Buffer[] = []
let writesOfTurn = 0
let mostOfTurn = 0
const writes: number[] = []

const server = createServer((_, response) => {
  const write = response.write.bind(response)
  response.write = (piece: Buffer) => {
    writesOfTurn++
    writes.push(piece.length)
    return write(piece)
  }
  const length = body.reduce((sum, each) => sum + each.length, 0)
  response.writeHead(200, { 'content-length': length })
  answering.end(response, body, length)
})
let over = false
function nextTurn(): void {
  mostOfTurn = Math.max(mostOfTurn, writesOfTurn)
  writesOfTurn = 0
  if (!over) setImmediate(nextTurn)
}

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
afterAll(() => {
  over = true
  answering.close()
  server.closeAllConnections()
  server.close()
})

/** The body of an answer. */
async function read(): Promise<Buffer> {
  const socket = new Socket().connect((server.address() as AddressInfo).port, '127.0.0.1')
  const received: Buffer[] = []
  socket.on('data', (chunk: Buffer) => received.push(chunk))
  socket.write('GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n')
  await new Promise((resolve) => socket.on('close', resolve))
  const whole = Buffer.concat(received)
  return whole.subarray(whole.indexOf('\r\n\r\n') + 4)
}

const fill = (length: number) => Buffer.from(Array.from({ length }, (_, n) => n % 251))

it('SEC-76 large answers leave in small pieces, a few of all of them in one turn', async () => {
  body = [fill(1_048_576)]
  nextTurn()
  const clients = 16
  const received = await Promise.all(Array.from({ length: clients }, read))
  for (const each of received) expect(each.equals(body[0] as Buffer)).toBe(true)
  // The first of each, and those that had their turn.
  expect(mostOfTurn).toBeLessThanOrEqual(clients + 8)
  expect(Math.max(...writes)).toBeLessThanOrEqual(pieceBytes)
})

it.each([
  ['nothing', []],
  ['a few bytes', [3, 2]],
  ['many small pieces', Array(3_000).fill(50)],
  ['pieces of every size', [1, 65_535, 65_536, 65_537, 200_000, 1, 1, 30_000]],
])('an answer of %s arrives as it is', async (_title, lengths) => {
  writes.length = 0
  body = lengths.map(fill)
  const whole = Buffer.concat(body)
  expect((await read()).equals(whole)).toBe(true)
  expect(writes.length).toBeLessThanOrEqual((2 * whole.length) / pieceBytes + 1)
})
