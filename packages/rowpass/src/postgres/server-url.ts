/**
 * The way to a server as its URL describes it: host, TLS, channel binding; and in one line why it does not lead there.
 */
import { readFileSync } from 'node:fs'
import type { Duplex } from 'node:stream'
import pg from 'pg'
import { parseIntoClientConfig } from 'pg-connection-string'
import { Failure } from '../errors.ts'
import type { PostgresError } from './messages.ts'

/** What node-postgres takes, and what it cannot be told. */
export interface ServerConfig extends pg.ClientConfig {
  /** The login fails unless the password was proven over this very TLS connection (RFC 5929, `tls-server-end-point`). */
  readonly requireChannelBinding?: boolean
}

/** Words of libpq for `sslmode`, and `no-verify` of node-postgres. */
const modes = ['disable', 'allow', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']
const bindings = ['disable', 'prefer', 'require']
const files = ['sslrootcert', 'sslcert', 'sslkey']

/**
 * Reads a URL for node-postgres.
 *
 * TLS is all or nothing, and certificates are checked: `allow`, `prefer` and `require` mean `verify-full`, where libpq
 * would go on in plain or trust any certificate. `verify-ca` does not check the name and needs `sslrootcert`; `no-verify`
 * checks nothing. `sslrootcert=system` is the list that comes with Node, which is used without `sslrootcert` too. With
 * `uselibpqcompat=true` node-postgres gives the words the meaning of libpq.
 *
 * @param url of `parsePostgresUrl`
 * @throws Failure `config_invalid` for a word that is none of these, and for a file that cannot be read
 * @see https://www.postgresql.org/docs/current/libpq-ssl.html
 * @see https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-CONNECT-CHANNEL-BINDING
 */
export function toClientConfig(url: URL): ServerConfig {
  const given = new URL(url)
  const parameters = given.searchParams
  // Those of one server are not the only ones: see `servers.ts`.
  for (const name of ['host', 'port', 'target_session_attrs', 'load_balance_hosts']) parameters.delete(name)
  const mode = wordOf(parameters, 'sslmode', modes)
  const binding = wordOf(parameters, 'channel_binding', bindings)
  if (parameters.get('sslrootcert') === 'system') {
    parameters.delete('sslrootcert')
    if (mode === undefined) parameters.set('sslmode', 'verify-full')
  }
  for (const name of files) refuseUnreadable(name, parameters.get(name))
  const compatible = parameters.get('uselibpqcompat') === 'true'
  const nameless = mode === 'verify-ca' && !compatible
  if (nameless && !parameters.has('sslrootcert')) {
    // A name that nobody checks, under an authority that signs for everybody, is no check.
    throw new Failure('config_invalid', {
      detail: 'sslmode=verify-ca needs sslrootcert=<file>, the authority’s certificate',
    })
  }
  // Else node-postgres warns, at length, that these words will change their meaning.
  if (!compatible && mode !== undefined && mode !== 'disable' && mode !== 'no-verify') {
    parameters.set('sslmode', 'verify-full')
  }
  const config = parseIntoClientConfig(given.href) as pg.ClientConfig
  if (nameless && typeof config.ssl === 'object') config.ssl.checkServerIdentity = () => undefined
  return {
    ...config,
    enableChannelBinding: binding === 'prefer' || binding === 'require',
    requireChannelBinding: binding === 'require',
  }
}

/** The value of a parameter that is one of some words. @throws Failure `config_invalid` that names it */
export function wordOf<Word extends string>(
  parameters: URLSearchParams,
  name: string,
  words: readonly Word[],
): Word | undefined {
  const given = parameters.get(name)
  const word = words.find((each) => each === given)
  if (given === null || word !== undefined) return word
  throw new Failure('config_invalid', { detail: `${name} of the database URL is none of ${words.join(', ')}` })
}

function refuseUnreadable(name: string, path: string | null): void {
  if (path === null) return
  try {
    readFileSync(path)
  } catch (cause) {
    throw new Failure('config_invalid', {
      detail: `${name} of the database URL names ${path}, which cannot be read`,
      cause,
    })
  }
}

interface Internals {
  readonly connection: {
    readonly stream: Duplex
    on(event: 'authenticationSASL', listener: (message: { mechanisms: string[] }) => void): void
    on(event: Unbound, listener: () => void): void
  }
}

const unbound = ['authenticationCleartextPassword', 'authenticationMD5Password', 'authenticationOk'] as const
type Unbound = (typeof unbound)[number]

/** A client of node-postgres that logs in as its URL demands. */
export class ServerClient extends pg.Client {
  constructor(config: ServerConfig = {}) {
    super(config)
    if (config.requireChannelBinding !== true) return
    const { connection } = this as unknown as Internals
    let bound = false
    // These listeners come before those of node-postgres, which would send the password.
    const refuse = () => connection.stream.destroy(new Error(bindingMissing))
    connection.on('authenticationSASL', ({ mechanisms }) => {
      bound = mechanisms.includes('SCRAM-SHA-256-PLUS')
      if (!bound) refuse()
    })
    for (const event of unbound) connection.on(event, () => bound || refuse())
  }

  /** Closes the socket of a login that came to nothing: node-postgres leaves it open, and the server would wait for a minute. */
  abandon(): void {
    ;(this as unknown as Internals).connection.stream.destroy()
  }
}

/** What the server said when it refused a login; `undefined` when the server was not reached. */
export function serverRefusal(error: unknown): PostgresError | undefined {
  if (!(error instanceof pg.DatabaseError) || error.code === undefined) return undefined
  const { message, code, severity = 'FATAL', detail, hint } = error
  return { message, code, severity, ...(detail !== undefined && { detail }), ...(hint !== undefined && { hint }) }
}

const bindingMissing = 'channel_binding=require in the URL, and the server offers none'

/** Codes of a connection that did not come about. */
const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nothing listens there',
  ENOTFOUND: 'there is no such host',
  EAI_AGAIN: 'there is no such host',
  ETIMEDOUT: 'no answer',
}

const untrusted = [
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_GET_ISSUER_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'DEPTH_ZERO_SELF_SIGNED_CERT',
]
const nameAuthority =
  'no authority that this machine trusts has signed the certificate; name the file of the one that has in the URL: sslrootcert=<file>'

/** What to do, by codes of OpenSSL in Node, and by messages of node-postgres and of the server. */
const remedies: readonly (readonly [codes: readonly string[], message: RegExp | undefined, remedy: string])[] = [
  [untrusted, undefined, nameAuthority],
  [
    ['ERR_TLS_CERT_ALTNAME_INVALID'],
    undefined,
    'use the name that the certificate is for, or sslmode=verify-ca with sslrootcert=<file>',
  ],
  [['CERT_NOT_YET_VALID'], undefined, 'is the clock of this machine right?'],
  [
    [],
    /does not support SSL connections/,
    'the server offers no TLS; turn it on there, or say sslmode=disable in the URL',
  ],
  [[], /no encryption|SSL off/, 'add sslmode=verify-full to the URL'],
  [[], /requires a valid client certificate/, 'name one in the URL: sslcert=<file>&sslkey=<file>'],
]

/** What to do about a connection that did not come about; undefined where nothing more is known than its message. */
export function connectRemedy(error: Error): string | undefined {
  const { code = '' } = error as NodeJS.ErrnoException
  return remedies.find(([codes, message]) => codes.includes(code) || message?.test(error.message))?.[2]
}

/** Why no connection came about, in one line, with what to do where that is known. Holds no password. */
export function explainConnect(error: unknown): string {
  // Node tries each address of a name and collects what each said.
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error
  if (!(first instanceof Error)) return 'unknown error'
  const reason = reasons[(first as NodeJS.ErrnoException).code ?? ''] ?? first.message
  const remedy = connectRemedy(first)
  return remedy === undefined ? reason : `${reason}: ${remedy}`
}
