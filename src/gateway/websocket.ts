/**
 * PostgreSQL's protocol over WebSocket, as the Neon driver's `Pool` and `Client` speak it.
 *
 * The driver sends its startup message, a cleartext password and the first query in one frame, so the gateway asks for
 * the password itself, logs in to the configured server with whatever that server demands, and then only copies bytes.
 * @see https://www.postgresql.org/docs/current/protocol-flow.html
 */
import type { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { serialize } from 'pg-protocol'
import { createWebSocketStream, WebSocketServer } from 'ws'
import { openSession, type Session } from '../pg/session.ts'
import type { GatewayConfig } from './config.ts'

/** Takes over sockets that ask to speak WebSocket. */
export interface WebSocketGateway {
  upgrade(request: IncomingMessage, socket: Duplex, head: Buffer): void
  /** Ends every session. */
  close(): void
}

const protocolVersion = 3 << 16
const sslRequest = 80_877_103
const gssEncRequest = 80_877_104
const cancelRequest = 80_877_102
const maxStartupBytes = 10_000
const maxPasswordBytes = 512
const startupTimeoutMs = 10_000
const maxFrameBytes = 16 * 1024 * 1024

/** Makes the server side. Sessions beyond `maxSessions` are refused with 53300. */
export function createWebSocketGateway(config: GatewayConfig): WebSocketGateway {
  const server = new WebSocketServer({ noServer: true, maxPayload: maxFrameBytes, perMessageDeflate: false })
  const streams = new Set<Duplex>()

  async function serve(client: Duplex): Promise<void> {
    streams.add(client)
    client.on('error', () => client.destroy())
    client.on('close', () => streams.delete(client))
    const startup = setTimeout(() => client.destroy(), startupTimeoutMs)
    try {
      const session = await logIn(createByteReader(client), client)
      if (session === undefined) client.end()
      else join(client, session)
    } catch (error) {
      client.end(errorMessage(error))
    } finally {
      clearTimeout(startup)
    }
  }

  async function logIn(reader: ByteReader, client: Duplex): Promise<Session | undefined> {
    const startup = await readStartup(reader, client)
    if (startup === undefined) return undefined
    if (streams.size > config.passwordSessions) throw refusal('53300', 'too many sessions')
    if (!config.databases.has(startup.database)) throw refusal('3D000', `database "${startup.database}" does not exist`)
    client.write(authentication(3))
    const session = await openSession({
      server: config.databaseUrl,
      user: startup.user,
      password: await readPassword(reader),
      database: decodeURIComponent(config.databaseUrl.pathname.slice(1)),
      applicationName: startup.applicationName,
      connectTimeoutMs: config.connectTimeoutMs,
    })
    client.write(greeting(session))
    const early = reader.rest()
    if (early.length > 0) session.stream.write(early)
    return session
  }

  async function readStartup(reader: ByteReader, client: Duplex): Promise<Startup | undefined> {
    for (;;) {
      const length = (await reader.read(4)).readUInt32BE()
      if (length < 8 || length > maxStartupBytes) throw refusal('08P01', 'invalid length of startup packet')
      const body = await reader.read(length - 4)
      const code = body.readUInt32BE()
      if (code === cancelRequest) {
        forwardCancel(config.databaseUrl, body)
        return undefined
      }
      if (code === sslRequest || code === gssEncRequest) client.write('N')
      else if (code === protocolVersion) return parseStartup(body)
      else throw refusal('0A000', 'unsupported frontend protocol')
    }
  }

  return {
    upgrade(request, socket, head) {
      server.handleUpgrade(request, socket, head, (webSocket) => {
        void serve(createWebSocketStream(webSocket, { highWaterMark: 64 * 1024 }))
      })
    },
    close() {
      for (const stream of streams) stream.destroy()
    },
  }
}

/** Copies bytes both ways until one side ends. */
function join(client: Duplex, { stream }: Session): void {
  const end = (): void => {
    client.destroy()
    stream.destroy()
  }
  client.on('close', end)
  stream.on('close', () => client.end())
  stream.on('error', end)
  client.pipe(stream)
  stream.pipe(client)
}

interface Startup {
  readonly user: string
  readonly database: string
  readonly applicationName: string | undefined
}

function parseStartup(body: Buffer): Startup {
  const words = body.toString('utf8', 4).split('\0')
  const parameters = new Map<string, string>()
  for (let index = 0; index + 1 < words.length && words[index] !== ''; index += 2) {
    parameters.set(words[index] as string, words[index + 1] as string)
  }
  const user = parameters.get('user')
  if (user === undefined) throw refusal('28000', 'no PostgreSQL user name specified in startup packet')
  return { user, database: parameters.get('database') ?? user, applicationName: parameters.get('application_name') }
}

async function readPassword(reader: ByteReader): Promise<string> {
  const header = await reader.read(5)
  const length = header.readUInt32BE(1)
  if (header[0] !== 0x70 || length < 5 || length > maxPasswordBytes) {
    throw refusal('08P01', 'expected a cleartext password: set neonConfig.pipelineConnect to "password"')
  }
  return (await reader.read(length - 4)).toString('utf8', 0, length - 5)
}

/** What a server says between the password and the first query. */
function greeting(session: Session): Buffer {
  const parameters = [...session.parameters].map(([name, value]) => message('S', Buffer.from(`${name}\0${value}\0`)))
  const keyData = Buffer.alloc(8)
  keyData.writeInt32BE(session.processID, 0)
  keyData.writeInt32BE(session.secretKey, 4)
  return Buffer.concat([authentication(0), ...parameters, message('K', keyData), message('Z', Buffer.from('I'))])
}

function authentication(kind: number): Buffer {
  const body = Buffer.alloc(4)
  body.writeInt32BE(kind)
  return message('R', body)
}

function message(type: string, body: Buffer): Buffer {
  const header = Buffer.alloc(5)
  header.write(type, 'latin1')
  header.writeInt32BE(body.length + 4, 1)
  return Buffer.concat([header, body])
}

/** An error with a SQLSTATE whose text the client may see. */
function refusal(code: string, text: string): Error {
  return Object.assign(new Error(text), { code })
}

/** An ErrorResponse; what is not a refusal of ours or of the server says nothing of its cause. */
function errorMessage(error: unknown): Buffer {
  const { code, message: text } = error as { code?: unknown; message?: unknown }
  const foreseen = typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code)
  const fields = foreseen
    ? { S: 'FATAL', V: 'FATAL', C: code, M: String(text) }
    : { S: 'FATAL', V: 'FATAL', C: '08006', M: 'The database cannot be reached' }
  const body = Object.entries(fields).map(([name, value]) => `${name}${value}\0`)
  return message('E', Buffer.from(`${body.join('')}\0`))
}

/** Passes a CancelRequest on; its key is one that the server gave to a session. */
function forwardCancel(server: URL, body: Buffer): void {
  const socket = new Socket()
  socket.setTimeout(startupTimeoutMs, () => socket.destroy())
  socket.on('error', () => socket.destroy())
  socket.connect(Number(server.port || 5432), server.hostname, () => {
    socket.end(serialize.cancel(body.readInt32BE(4), body.readInt32BE(8)))
  })
  socket.resume()
}

/** Reads a stream by numbers of bytes. */
interface ByteReader {
  /** Rejects when the stream ends before. */
  read(bytes: number): Promise<Buffer>
  /** What has arrived and was not read; the stream is left to others afterwards. */
  rest(): Buffer
}

function createByteReader(stream: Duplex): ByteReader {
  let buffered: Buffer = Buffer.alloc(0)
  let wake: (() => void) | undefined
  let ended = false
  const onData = (chunk: Buffer): void => {
    buffered = Buffer.concat([buffered, chunk])
    // The first query may come with the password, but nothing more before the greeting.
    if (buffered.length > maxFrameBytes) stream.destroy()
    wake?.()
  }
  const onEnd = (): void => {
    ended = true
    wake?.()
  }
  stream.on('data', onData)
  stream.on('close', onEnd)
  stream.on('end', onEnd)

  return {
    async read(bytes) {
      while (buffered.length < bytes) {
        if (ended) throw refusal('08P01', 'the connection ended during startup')
        await new Promise<void>((resolve) => {
          wake = resolve
        })
      }
      const taken = buffered.subarray(0, bytes)
      buffered = buffered.subarray(bytes)
      return taken
    },
    rest() {
      stream.off('data', onData)
      return buffered
    },
  }
}
