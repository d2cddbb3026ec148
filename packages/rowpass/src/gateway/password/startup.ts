/**
 * The server's side of PostgreSQL's startup: reads who wants a session, asks for the password, greets or refuses.
 * @see https://www.postgresql.org/docs/current/protocol-flow.html#PROTOCOL-FLOW-START-UP
 */
import { Failure } from '../../errors.ts'
import type { PostgresError } from '../../postgres/messages.ts'
import { type CancelKey, type Session, toServerOptions } from '../../postgres/session.ts'

/** What a client sends, taken by numbers of bytes. */
export interface ByteSource {
  /** Rejects when the client goes away before. */
  read(bytes: number): Promise<Buffer>
}

/** A session that a client wants. */
export interface StartupRequest {
  readonly kind: 'startup'
  readonly user: string
  readonly database: string
  readonly applicationName: string | undefined
  /** The client's other settings, as the server's command line takes them. */
  readonly options: string
}

/** A query that a client wants cancelled. */
export interface CancelRequest extends CancelKey {
  readonly kind: 'cancel'
}

const protocol3 = 3 << 16
const sslRequest = 80_877_103
const gssEncRequest = 80_877_104
const cancelRequest = 80_877_102
const maxStartupBytes = 10_000
const maxPasswordBytes = 512
/** A client asks for TLS and for GSSAPI, each once, before it goes on without. */
const maxEncryptionRequests = 2

/** Parameters that are not settings, or that the gateway decides. */
const notForwarded = new Set(['user', 'database', 'application_name', 'client_encoding', 'options', 'replication'])
/** Words in `options` that choose an endpoint of Neon's; there is one database here. */
const endpointOption = /^(endpoint|project)=|^neon_\w+:/
const settingName = /^[A-Za-z_][\w$.]*$/

/**
 * Reads until the client has said what it wants. Encryption inside of the WebSocket is declined.
 *
 * @param reply sends to the client
 * @throws Failure `request_invalid` for what is not PostgreSQL's protocol 3, or asks for what the gateway has not
 */
export async function readStartup(
  source: ByteSource,
  reply: (bytes: Buffer) => void,
): Promise<StartupRequest | CancelRequest> {
  for (let declined = 0; declined <= maxEncryptionRequests; declined++) {
    const length = (await source.read(4)).readUInt32BE()
    if (length < 8 || length > maxStartupBytes) throw invalid('invalid length of startup packet')
    const body = await source.read(length - 4)
    const code = body.readUInt32BE()
    if (code === cancelRequest) return parseCancel(body)
    if (code === sslRequest || code === gssEncRequest) {
      reply(Buffer.from('N'))
      continue
    }
    if (code >>> 16 !== protocol3 >>> 16) throw invalid('unsupported frontend protocol')
    const parameters = parseParameters(body)
    const unknown = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'))
    if (code !== protocol3 || unknown.length > 0) reply(negotiateVersion(unknown))
    return toStartup(parameters)
  }
  throw invalid('too many requests for encryption')
}

function parseCancel(body: Buffer): CancelRequest {
  if (body.length !== 12) throw invalid('invalid length of cancel request')
  return { kind: 'cancel', processID: body.readInt32BE(4), secretKey: body.readInt32BE(8) }
}

function parseParameters(body: Buffer): Map<string, string> {
  const words = body.toString('utf8', 4).split('\0')
  const parameters = new Map<string, string>()
  for (let index = 0; index + 1 < words.length && words[index] !== ''; index += 2) {
    parameters.set(words[index] as string, words[index + 1] as string)
  }
  return parameters
}

function toStartup(parameters: ReadonlyMap<string, string>): StartupRequest {
  const user = parameters.get('user')
  if (user === undefined || user === '') {
    throw new Failure('password_refused', { detail: 'no PostgreSQL user name specified in startup packet' })
  }
  if (parameters.has('replication')) throw invalid('replication is not possible here')
  if (!/^'?utf-?8'?$/i.test(parameters.get('client_encoding') ?? 'UTF8')) throw invalid('client_encoding must be UTF8')
  return {
    kind: 'startup',
    user,
    database: parameters.get('database') ?? user,
    applicationName: parameters.get('application_name'),
    options: toOptions(parameters),
  }
}

/** The server reads `options` before the settings that have parameters of their own, so later ones win here too. */
function toOptions(parameters: ReadonlyMap<string, string>): string {
  const settings = [...parameters].filter(([name]) => !notForwarded.has(name) && !name.startsWith('_pq_.'))
  if (!settings.every(([name]) => settingName.test(name))) throw invalid('a startup parameter is not a name')
  const words = parameters.get('options')?.match(/(?:\\.|[^\\\s])+/gs) ?? []
  return [...words.filter((word) => !endpointOption.test(word)), toServerOptions(settings)].join(' ').trim()
}

/**
 * Reads the password that the client was asked for.
 * @throws Failure `request_invalid` when it sends something else or too much, `password_refused` when it is empty
 */
export async function readPassword(source: ByteSource): Promise<string> {
  const header = await source.read(5)
  const length = header.readUInt32BE(1)
  if (header[0] !== 0x70 || length < 5 || length > maxPasswordBytes) throw invalid('expected a password message')
  const password = (await source.read(length - 4)).toString('utf8', 0, length - 5)
  if (password.includes('\0')) throw invalid('invalid password packet size')
  if (password === '') throw new Failure('password_refused', { detail: 'empty password returned by client' })
  return password
}

/** Asks for the password itself: the driver sends it unasked, before it can know of a challenge. */
export function passwordRequest(): Buffer {
  return authentication(3)
}

/** What a server says between the password and the first query. */
export function greeting(session: Session): Buffer {
  const parameters = Array.from(session.parameters, ([name, value]) => message('S', Buffer.from(`${name}\0${value}\0`)))
  const keyData = Buffer.alloc(8)
  keyData.writeInt32BE(session.processID, 0)
  keyData.writeInt32BE(session.secretKey, 4)
  return Buffer.concat([authentication(0), ...parameters, message('K', keyData), message('Z', Buffer.from('I'))])
}

/** The ErrorResponse to a failure, with the same text and hint as over HTTP, or to the server's own refusal. */
export function errorMessage(error: Failure | PostgresError): Buffer {
  const { code, message: text, detail, hint } = error instanceof Failure ? fromFailure(error) : error
  const fields = { S: 'FATAL', V: 'FATAL', C: code, M: text, D: detail, H: hint }
  const body = Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [`${name}${value}\0`]))
  return message('E', Buffer.from(`${body.join('')}\0`))
}

function fromFailure({ code, detail, spec }: Failure): PostgresError {
  const hint = `${code}: ${spec.hint ?? spec.says}`
  return { message: detail ?? spec.says, code: spec.sqlstate, severity: 'FATAL', hint }
}

function negotiateVersion(unknown: readonly string[]): Buffer {
  const head = Buffer.alloc(8)
  head.writeInt32BE(protocol3, 0)
  head.writeInt32BE(unknown.length, 4)
  return message('v', Buffer.concat([head, Buffer.from(unknown.map((name) => `${name}\0`).join(''))]))
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

function invalid(detail: string): Failure {
  return new Failure('request_invalid', { detail })
}
