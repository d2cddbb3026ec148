import { createServer } from 'node:http'
import { type AddressInfo, Socket } from 'node:net'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { readHeaders, ServerRequest } from '../../src/gateway/http/receive.ts'

const bodyBytes = 4 * 1_048_576
const clients = 16
let bytesOfTurn = 0
let mostOfTurn = 0
const lengths: number[] = []

const server = createServer((request, response) => {
  const config = { maxRequestBytes: bodyBytes, addressHeader: undefined }
  const received = new ServerRequest('', request, response, readHeaders(request.rawHeaders), config)
  const hold = (bytes: number) => {
    bytesOfTurn += bytes
    return true
  }
  void received.body(hold).then((whole) => {
    lengths.push(whole.length)
    response.end()
  })
})
let over = false
function nextTurn(): void {
  mostOfTurn = Math.max(mostOfTurn, bytesOfTurn)
  bytesOfTurn = 0
  if (!over) setImmediate(nextTurn)
}

beforeAll(() => new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve)))
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
  expect(lengths).toEqual(Array(clients).fill(bodyBytes))
  // The first piece of each, and a few more; Node alone reads all that has come of each.
  expect(mostOfTurn).toBeLessThanOrEqual((clients + 8) * 64 * 1024)
})
