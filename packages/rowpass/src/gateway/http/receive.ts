/**
 * Reads HTTP requests, those of node's servers and those of `fetch`, into what the SQL handler takes.
 */
import { randomUUID } from 'node:crypto'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Failure } from '../../errors.ts'
import { isHost } from '../../network.ts'
import type { Abortable } from '../../postgres/pool.ts'
import type { GatewayConfig } from '../config.ts'
import type { SqlHeaders } from '../contract/request.ts'
import { drop } from './answering.ts'

/** One request, whichever server received it. */
export interface SqlRequest {
  /** A UUID. */
  readonly id: string
  readonly headers: SqlHeaders
  /** Aborted when the client goes away before it has its answer. */
  readonly signal: Abortable
  /** Of the client, as far as it is known; see `ROWPASS_ADDRESS_HEADER`. */
  address(): string | undefined
  /**
   * Reads the body; rejects with Failure `request_too_large`, or `overloaded` when `hold` refuses more bytes. Not called
   * for a request that is refused by its headers.
   */
  body(hold: (bytes: number) => boolean): Promise<Buffer>
  /** Lets go of the client, and of all that is kept for it. */
  drop(): void
  /** Called with what to do once the client has its whole answer, or has gone. */
  onClose(end: () => void): void
}

/** Keeps the headers that matter; of a repeated one the first, but for Authorization, where a second is an error. */
export function readHeaders(raw: readonly string[]): SqlHeaders {
  const headers: SqlHeaders = {}
  for (let index = 0; index < raw.length; index += 2) {
    keepHeader(headers, (raw[index] as string).toLowerCase(), raw[index + 1] as string)
  }
  return headers
}

/** Names each member: a computed name would cost more than all the rest of reading the headers. */
function keepHeader(headers: SqlHeaders, name: string, value: string): void {
  switch (name) {
    case 'authorization':
      headers.authorization = headers.authorization === undefined ? value : [headers.authorization, value].flat()
      break
    case 'content-length':
      headers['content-length'] ??= value
      break
    case 'neon-connection-string':
      headers['neon-connection-string'] ??= value
      break
    case 'neon-raw-text-output':
      headers['neon-raw-text-output'] ??= value
      break
    case 'neon-array-mode':
      headers['neon-array-mode'] ??= value
      break
    case 'neon-batch-isolation-level':
      headers['neon-batch-isolation-level'] ??= value
      break
    case 'neon-batch-read-only':
      headers['neon-batch-read-only'] ??= value
      break
    case 'neon-batch-deferrable':
      headers['neon-batch-deferrable'] ??= value
      break
    case 'neon-request-id':
      headers['neon-request-id'] ??= value
      break
    case 'origin':
      headers.origin ??= value
      break
    case 'rowpass-seen':
      headers['rowpass-seen'] ??= value
      break
    case 'traceparent':
      headers.traceparent ??= value
  }
}

/**
 * The address that a request comes from: what the proxy in front says in `addressHeader`, else the other end of the
 * connection; undefined when that has gone.
 *
 * @param addressHeader by lower-case name; undefined where there is no proxy, and anybody could send it
 */
export function clientAddress(request: IncomingMessage, addressHeader: string | undefined): string | undefined {
  const said = addressHeader === undefined ? undefined : request.headers[addressHeader]
  // Node joins repeated lines with commas; only of `Set-Cookie` it makes an array.
  return said === undefined || said === '' ? request.socket.remoteAddress : String(said)
}

/** Whether a request was sent to one of the hosts that are answered; an empty list means any. */
export function isAnswered(request: IncomingMessage | Request, hosts: ReadonlySet<string>): boolean {
  if (hosts.size === 0) return true
  const given = hostsOf(request)
  return given.length > 0 && given.every((host) => isHost(host, hosts))
}

/** Each name of a host that a request was sent to. HTTP/2 has it by another name, and may have both. */
export function hostsOf(request: IncomingMessage | Request): readonly string[] {
  const places =
    // A `Request` has it in its URL.
    request instanceof Request
      ? [new URL(request.url).host, request.headers.get('host') ?? undefined]
      : [request.headers[':authority'], request.headers.host]
  return places.flatMap((host) => (host === undefined ? [] : [String(host)]))
}

/** Whether a request's body was not read to its end, and what is left may be large. */
export function isMuchLeft(request: IncomingMessage): boolean {
  if (request.complete) return false
  const { 'content-length': announced = '0', 'transfer-encoding': coding } = request.headers
  return coding !== undefined || Number(announced) > unpacedBytes
}

/** What servers need to know of the configuration to read a request. */
type Receiving = Pick<GatewayConfig, 'maxRequestBytes' | 'addressHeader'>

/** A request of node's HTTP server. */
export class ServerRequest implements SqlRequest {
  readonly id: string
  readonly headers: SqlHeaders
  readonly #request: IncomingMessage
  readonly #response: ServerResponse
  readonly #config: Receiving
  readonly #onClose: (() => void)[] = []
  readonly #gone = new ClientSignal()
  #closed = false

  constructor(id: string, request: IncomingMessage, response: ServerResponse, headers: SqlHeaders, config: Receiving) {
    this.id = id
    this.headers = headers
    this.#request = request
    this.#response = response
    this.#config = config
    response.once('close', () => this.#close())
  }

  get signal(): Abortable {
    return this.#gone
  }

  address(): string | undefined {
    return clientAddress(this.#request, this.#config.addressHeader)
  }

  body(hold: (bytes: number) => boolean): Promise<Buffer> {
    return readBody(this.#request, this.headers['content-length'], this.#config.maxRequestBytes, hold)
  }

  drop(): void {
    drop(this.#response)
  }

  onClose(end: () => void): void {
    if (this.#closed) end()
    else this.#onClose.push(end)
  }

  #close(): void {
    this.#closed = true
    // Every response closes; an answer that was given is nothing to abort.
    if (!this.#response.writableEnded) this.#gone.abort()
    for (const end of this.#onClose) end()
  }
}

class ClientSignal implements Abortable {
  aborted = false
  readonly #listeners: (() => void)[] = []

  addEventListener(_type: 'abort', listener: () => void): void {
    this.#listeners.push(listener)
  }

  abort(): void {
    this.aborted = true
    for (const listener of this.#listeners.splice(0)) listener()
  }
}

function readBody(
  request: IncomingMessage,
  contentLength: string | undefined,
  maxBytes: number,
  hold: (bytes: number) => boolean,
): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const announced = Number(contentLength ?? 0)
    let bytes = nothing
    let size = 0
    let refused = false
    const refuse = (failure: Failure) => {
      refused = true
      bytes = nothing
      reject(failure)
    }
    if (announced > maxBytes) {
      refuse(requestTooLarge(maxBytes))
      return
    }
    request.on('data', (chunk: Buffer) => {
      const before = size
      size += chunk.length
      if (size > unpacedBytes) readInTurn(request)
      if (refused) return
      if (size > maxBytes) refuse(requestTooLarge(maxBytes))
      else if (!hold(chunk.length))
        refuse(new Failure('overloaded', { detail: 'Too many bytes of requests and answers are held' }))
      else if (chunk.length === announced) bytes = chunk
      else {
        bytes = withRoom(bytes, before, size, announced)
        chunk.copy(bytes, before)
      }
    })
    let ended = false
    request.on('end', () => {
      ended = true
      resolve(bytes.subarray(0, size))
      // The request lives until its answer is read.
      bytes = nothing
    })
    const broken = () => {
      // Every request closes: an error with its stack for each would cost more than reading the body.
      if (!ended)
        reject(new Failure('request_invalid', { detail: 'could not read the HTTP request body: it broke off' }))
    }
    request.on('error', broken)
    request.on('close', broken)
    // The client may have gone while its login was looked at.
    if (request.destroyed) broken()
  })
}

/**
 * A buffer with room for so many bytes. The chunks themselves are not kept: each is an object of a hundred bytes, and a client
 * decides how small they are. Nor is all of what is announced taken at once, which need not come.
 */
function withRoom(bytes: Buffer, used: number, needed: number, announced: number): Buffer {
  if (needed <= bytes.length) return bytes
  const roomy = Math.max(needed * growth, leastRoomBytes)
  const grown = Buffer.allocUnsafeSlow(announced >= needed ? Math.min(announced, roomy) : roomy)
  bytes.copy(grown, 0, 0, used)
  return grown
}

const nothing: Buffer = Buffer.alloc(0)
const growth = 4
const leastRoomBytes = 4 * 1024
const unpacedBytes = 64 * 1024
const maxPiecesInTurn = 4
const waitingForTurn: IncomingMessage[] = []

/**
 * Reads the next piece of a large body when others had their turn. Node by itself reads what has come, megabytes of it, from
 * each socket before it looks at anything else.
 */
function readInTurn(request: IncomingMessage): void {
  request.pause()
  if (waitingForTurn.push(request) === 1) setImmediate(readPieces)
}

function readPieces(): void {
  for (const request of waitingForTurn.splice(0, maxPiecesInTurn)) request.resume()
  if (waitingForTurn.length > 0) setImmediate(readPieces)
}

/** A `Request`; whoever has handed on its answer calls `close`. It has an address only where a header says it. */
export class FetchRequest implements SqlRequest {
  readonly id: string
  readonly headers: SqlHeaders
  readonly #request: Request
  readonly #config: Receiving
  readonly #onClose: (() => void)[] = []

  constructor(id: string, request: Request, headers: SqlHeaders, config: Receiving) {
    this.id = id
    this.headers = headers
    this.#request = request
    this.#config = config
  }

  get signal(): Abortable {
    return this.#request.signal
  }

  address(): string | undefined {
    const { addressHeader } = this.#config
    return (addressHeader === undefined ? undefined : this.#request.headers.get(addressHeader)) || undefined
  }

  async body(): Promise<Buffer> {
    const { maxRequestBytes } = this.#config
    const bytes = await this.#request.arrayBuffer()
    if (bytes.byteLength > maxRequestBytes) throw requestTooLarge(maxRequestBytes)
    return Buffer.from(bytes)
  }

  drop(): void {}

  onClose(end: () => void): void {
    this.#onClose.push(end)
  }

  close(): void {
    for (const end of this.#onClose) end()
  }
}

function requestTooLarge(maxBytes: number): Failure {
  return new Failure('request_too_large', { detail: `request is too large (max is ${maxBytes} bytes)` })
}

const uuidPattern = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i

/** The id that the client gave its request, if it is a UUID; else a new one. */
export function requestId(given: string | undefined): string {
  return given !== undefined && uuidPattern.test(given) ? given : randomUUID()
}
