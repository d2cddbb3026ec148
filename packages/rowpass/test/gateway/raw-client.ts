/**
 * PostgreSQL's protocol over WebSocket by hand: sends exactly the bytes that a test wants sent.
 */
import { once } from 'node:events'
import WebSocket, { type ClientOptions } from 'ws'
import { waitUntil } from '../support/gateway.ts'

/** One message of the server. */
export interface ServerMessage {
  readonly type: string
  readonly body: Buffer
}

/** A connected client. */
export interface RawClient {
  readonly socket: WebSocket
  /** Whole messages so far, but for a leading `N`. */
  readonly messages: ServerMessage[]
  /** Settles with the code of the close frame; 1006 when there was none. */
  readonly closed: Promise<number>
  send(...parts: Buffer[]): void
  /** Waits for a message of this type and returns the first one. */
  until(type: string): Promise<ServerMessage>
  /** Waits for an ErrorResponse and returns its fields by letter. */
  error(): Promise<Record<string, string>>
}

/** Opens a WebSocket; rejects with the error of `ws` when the handshake is refused. */
export async function connect(url: string, options: ClientOptions = {}): Promise<RawClient> {
  const socket = new WebSocket(url.replace(/^http/, 'ws'), { perMessageDeflate: false, ...options })
  const messages: ServerMessage[] = []
  let rest = Buffer.alloc(0)
  socket.on('message', (data: Buffer) => {
    rest = Buffer.concat([rest, data])
    while (rest.length >= 5 || rest.toString('latin1', 0, 1) === 'N') {
      const type = rest.toString('latin1', 0, 1)
      const length = type === 'N' && rest[1] !== 0 ? 0 : rest.readUInt32BE(1)
      if (rest.length < length + 1) return
      messages.push({ type, body: rest.subarray(5, length + 1) })
      rest = rest.subarray(length + 1)
    }
  })
  const closed = new Promise<number>((resolve) => socket.on('close', resolve))
  await once(socket, 'open')
  socket.on('error', () => {})

  async function until(type: string): Promise<ServerMessage> {
    await waitUntil(() => messages.some((message) => message.type === type))
    return messages.find((message) => message.type === type)!
  }

  return {
    socket,
    messages,
    closed,
    send: (...parts) => socket.send(Buffer.concat(parts)),
    until,
    async error() {
      const { body } = await until('E')
      return Object.fromEntries(
        body
          .toString()
          .split('\0')
          .filter((field) => field !== '')
          .map((field) => [field[0], field.slice(1)]),
      )
    },
  }
}

/** A startup message; `version` is protocol 3.0 unless given. */
export function startup(parameters: Record<string, string>, version = 3 << 16): Buffer {
  const words = Object.entries(parameters).flat()
  return packet(version, Buffer.from(`${words.map((word) => `${word}\0`).join('')}\0`))
}

/** An untyped packet, as startup has them: length, code, body. */
export function packet(code: number, body: Buffer = Buffer.alloc(0)): Buffer {
  const head = Buffer.alloc(8)
  head.writeInt32BE(body.length + 8, 0)
  head.writeInt32BE(code, 4)
  return Buffer.concat([head, body])
}

/** A typed message. */
export function message(type: string, text: string): Buffer {
  const body = Buffer.from(`${text}\0`)
  const head = Buffer.alloc(5)
  head.write(type, 'latin1')
  head.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([head, body])
}

/** A client's last message. */
export const terminate = Buffer.from([0x58, 0, 0, 0, 4])

/** The text of the first column of the first row. */
export function firstCell({ messages }: RawClient): string | undefined {
  const row = messages.find(({ type }) => type === 'D')
  return row?.body.toString('utf8', 6, 6 + row.body.readInt32BE(2))
}
