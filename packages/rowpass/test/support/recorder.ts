/**
 * A way to a database that keeps every message that goes over it.
 */
import { createServer, connect as openSocket, type Socket } from 'node:net'

/** One message of PostgreSQL's protocol. */
export interface RecordedMessage {
  /** Its type, such as `P` for Parse. */
  readonly type: string
  readonly body: string
}

/** The way. */
export interface Recorder {
  /** The database, reached through the recorder. */
  readonly url: string
  /** What clients have said, but for the start of their sessions. */
  readonly sent: RecordedMessage[]
  /** What the server has said. */
  readonly received: RecordedMessage[]
  close(): Promise<void>
}

/** @param target URL of a database that is spoken to without TLS */
export async function startRecorder(target: string): Promise<Recorder> {
  const url = new URL(target)
  const sent: RecordedMessage[] = []
  const received: RecordedMessage[] = []
  const sockets = new Set<Socket>()
  const server = createServer((client) => {
    const upstream = openSocket(Number(url.port), url.hostname)
    for (const socket of [client, upstream]) {
      sockets.add(socket)
      socket.on('error', () => socket.destroy())
      socket.on('close', () => {
        sockets.delete(socket)
        client.destroy()
        upstream.destroy()
      })
    }
    client.on('data', createCutter(sent, true))
    upstream.on('data', createCutter(received, false))
    client.pipe(upstream)
    upstream.pipe(client)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const through = new URL(target)
  const address = server.address()
  through.hostname = '127.0.0.1'
  through.port = String(typeof address === 'object' && address !== null ? address.port : 0)
  return {
    url: through.href,
    sent,
    received,
    close() {
      for (const socket of sockets) socket.destroy()
      return new Promise((resolve) => server.close(() => resolve()))
    },
  }
}

/** Cuts a stream into messages; a client's first one has no type. */
function createCutter(into: RecordedMessage[], isClient: boolean): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0)
  let untyped = isClient
  return (chunk) => {
    rest = Buffer.concat([rest, chunk])
    for (;;) {
      const typeBytes = untyped ? 0 : 1
      if (rest.length < typeBytes + 4) return
      const end = typeBytes + rest.readUInt32BE(typeBytes)
      if (rest.length < end) return
      if (!untyped) into.push({ type: rest.toString('latin1', 0, 1), body: rest.toString('utf8', 5, end) })
      untyped = false
      rest = rest.subarray(end)
    }
  }
}
