/**
 * Every setting of the gateway: its environment variable, default, meaning and parser.
 */
import { z } from 'zod'
import { parseHosts } from '../network.ts'
import { parseSealKeys } from '../seal/keys.ts'
import { explainIssuers, parseIssuers } from './issuers.ts'

/** How one setting is declared. `docs/configuration.md` is written from these declarations. */
export interface Setting<Value> {
  /** Text of the default; absent where a value must be given. */
  readonly default?: string
  /** Never printed. */
  readonly secret?: true
  readonly says: string
  parse(text: string): Value
  /** What a value comes to, in lines; none by default. */
  explain?(value: Value): readonly string[]
}

const integer = (min: number, max: number) => (text: string) => {
  const value = Number(text)
  if (!/^\d+$/.test(text) || value < min || value > max)
    throw new TypeError(`is not a whole number from ${min} to ${max}`)
  return value
}

const flag = (text: string) => {
  if (text !== 'true' && text !== 'false') throw new TypeError('is neither true nor false')
  return text === 'true'
}

const list = (text: string) =>
  text
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '')

const origins = (text: string) => {
  for (const origin of list(text)) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) throw new TypeError(`has no origin "${origin}"`)
  }
  return new Set(list(text))
}

/** RFC 9110 §5.6.2; node has headers by lower-case name. */
const headerName = (text: string) => {
  if (!/^[\w!#$%&'*+.^`|~-]*$/.test(text)) throw new TypeError('is not the name of a header')
  return text === '' ? undefined : text.toLowerCase()
}

const postgresUrl = (text: string) => {
  const parsed = z.url({ protocol: /^postgres(ql)?$/ }).safeParse(text)
  if (!parsed.success) throw new TypeError('is not a PostgreSQL URL')
  const url = new URL(text)
  if (url.username === '' || url.pathname.length < 2) throw new TypeError('has no user or no database')
  return url
}

/** Every setting, by the name of its environment variable. Each may also be read from a file named by `<name>_FILE`. */
export const settings = {
  ROWPASS_DATABASE_URL: {
    secret: true,
    says: 'PostgreSQL to serve, with the powerless login role that `rowpass db migrate` makes.',
    parse: postgresUrl,
  },
  ROWPASS_SEAL_KEYS: {
    secret: true,
    says: 'Keys that seal claims: `name:secret[,name:secret…]`, 32 bytes in base64url each. The first one seals. `rowpass db seal-keys --new <name>` makes one.',
    parse: parseSealKeys,
  },
  ROWPASS_ISSUERS: {
    says: 'Issuers whose tokens are accepted, as JSON: see below.',
    parse: parseIssuers,
    explain: explainIssuers,
  },
  ROWPASS_DATABASE_ALIASES: {
    default: '',
    says: 'Database names that clients may use besides the real one, separated by commas.',
    parse: list,
  },
  ROWPASS_HOST: { default: '127.0.0.1', says: 'Address to listen on.', parse: (text: string) => text },
  ROWPASS_PORT: { default: '4444', says: 'Port to listen on; 0 takes a free one.', parse: integer(0, 65_535) },
  ROWPASS_HOSTS: {
    default: '',
    says: 'Host names that requests may be sent to, separated by commas, besides those of loopback; others are refused with `host_unknown`. Any when empty, but for `npm start` with `DEMO`: there it is the host of `ISSUER` and those of `DEMO_HOSTS`.',
    parse: parseHosts,
  },
  ROWPASS_METRICS_PORT: {
    default: '0',
    says: 'Port of `GET /metrics` for Prometheus, on the same address; 0 for none. Not for the public.',
    parse: integer(0, 65_535),
  },
  ROWPASS_CORS_ORIGINS: {
    default: '',
    says: 'Origins whose pages may call the gateway, over HTTP and WebSocket, separated by commas. None by default.',
    parse: origins,
  },
  ROWPASS_POOL_SIZE: { default: '4', says: 'Connections to PostgreSQL.', parse: integer(1, 1_000) },
  ROWPASS_GATEWAYS: {
    default: '1',
    says: 'Gateways that share the login. `rowpass db migrate` and `rowpass db harden` give it a CONNECTION LIMIT of twice what they need, `ROWPASS_POOL_SIZE` and 5 each.',
    parse: integer(1, 1_000),
  },
  ROWPASS_PIPELINE_DEPTH: {
    default: '8',
    says: 'Requests that one connection carries at once.',
    parse: integer(1, 256),
  },
  ROWPASS_SLOW_LIMIT: {
    default: '2',
    says: 'Requests that may run for longer than 100 ms at once; further ones wait. Two connections fewer than there are, if that is less, but always one.',
    parse: integer(1, 1_000),
  },
  ROWPASS_PREPARED_STATEMENTS: {
    default: '256',
    says: 'Statements kept prepared on each connection; 0 behind a pooler in transaction mode.',
    parse: integer(0, 10_000),
  },
  ROWPASS_QUEUE_LIMIT: {
    default: '1000',
    says: 'Requests that may wait for a connection.',
    parse: integer(0, 1_000_000),
  },
  ROWPASS_QUEUE_TIMEOUT_MS: {
    default: '5000',
    says: 'Milliseconds a request may wait for a connection.',
    parse: integer(1, 600_000),
  },
  ROWPASS_IDENTITY_LIMIT: {
    default: '64',
    says: 'Requests that one tenant (claim `tenant_id`), or one subject without a tenant, may have under way.',
    parse: integer(1, 1_000_000),
  },
  ROWPASS_CONNECT_TIMEOUT_MS: {
    default: '5000',
    says: 'Milliseconds a connection to PostgreSQL may take to open.',
    parse: integer(1, 600_000),
  },
  ROWPASS_STATEMENT_TIMEOUT_MS: {
    default: '15000',
    says: 'Milliseconds one statement may run.',
    parse: integer(1, 3_600_000),
  },
  ROWPASS_LOCK_TIMEOUT_MS: {
    default: '5000',
    says: 'Milliseconds a statement may wait for a lock.',
    parse: integer(1, 3_600_000),
  },
  ROWPASS_REQUEST_TIMEOUT_MS: {
    default: '30000',
    says: 'Milliseconds a whole request, batch or not, may run.',
    parse: integer(1, 3_600_000),
  },
  ROWPASS_MAX_REQUEST_BYTES: {
    default: '10485760',
    says: 'Bytes of a request body.',
    parse: integer(1, 1_073_741_824),
  },
  ROWPASS_MAX_RESPONSE_BYTES: {
    default: '10485760',
    says: 'Bytes of results that one request may return.',
    parse: integer(1, 1_073_741_824),
  },
  ROWPASS_MAX_HELD_BYTES: {
    default: '100663296',
    says: 'Bytes of request bodies and of answers that were not read yet, of all clients together; one tenant may have half of them. Beyond it, whoever holds most loses an answer.',
    parse: integer(1_048_576, 1_099_511_627_776),
  },
  ROWPASS_MAX_STATEMENT_LENGTH: {
    default: '655360',
    says: 'UTF-16 units of the text of one statement. An INSERT with all 65,535 parameters that PostgreSQL allows has some 560,000.',
    parse: integer(1_000, 1_048_576),
  },
  ROWPASS_MAX_BATCH: { default: '1000', says: 'Statements in one batch.', parse: integer(1, 100_000) },
  ROWPASS_ALLOW_EXPLAIN: {
    default: 'false',
    says: 'Whether token holders may use EXPLAIN. Its plans count rows that the policies hide, and so read them one by one: for development alone.',
    parse: flag,
  },
  ROWPASS_PASSWORD_MODE: {
    default: 'false',
    says: 'Whether database users may log in with their own password, over HTTP and WebSocket, and run any statement.',
    parse: flag,
  },
  ROWPASS_PASSWORD_USERS: {
    default: '',
    says: 'The only database users who may log in with a password, separated by commas; everybody may when empty. An issuer in production needs `rowpass_issuer` and nobody else.',
    parse: (text: string) => new Set(list(text)),
  },
  ROWPASS_PASSWORD_SESSIONS: {
    default: '20',
    says: 'Sessions with a password that may be open at once, over HTTP and WebSocket together. Who asks for another one waits, with the limits of `ROWPASS_QUEUE_LIMIT` and `ROWPASS_QUEUE_TIMEOUT_MS`.',
    parse: integer(1, 10_000),
  },
  ROWPASS_PASSWORD_IDLE_TIMEOUT_MS: {
    default: '600000',
    says: 'Milliseconds a session over WebSocket may sit idle, in a transaction or not; 0 for no limit.',
    parse: integer(0, 86_400_000),
  },
  ROWPASS_PASSWORD_FAILURE_SECONDS: {
    default: '300',
    says: 'The time for the next three settings. What they count is forgotten one by one, at even distances.',
    parse: integer(1, 86_400),
  },
  ROWPASS_PASSWORD_PAIR_FAILURES: {
    default: '10',
    says: 'Wrong passwords of one user from one address in that time: by default ten at once, then one each 30 s.',
    parse: integer(1, 10_000),
  },
  ROWPASS_PASSWORD_ADDRESS_FAILURES: {
    default: '50',
    says: 'Wrong passwords from one address (of IPv6 the /64) in that time, whoever the users are.',
    parse: integer(1, 10_000),
  },
  ROWPASS_PASSWORD_USER_FAILURES: {
    default: '100',
    says: 'Wrong passwords of one user from everywhere in that time. This limit and the one before are not for a user at an address where they have logged in within a day.',
    parse: integer(1, 10_000),
  },
  ROWPASS_ADDRESS_HEADER: {
    default: '',
    says: 'Header in which the proxy in front gives the address of the client, such as `X-Forwarded-For`; of a list the last one counts. Only for a gateway that nobody reaches past that proxy.',
    parse: headerName,
  },
  ROWPASS_PRIVATE_JWKS: {
    default: 'false',
    says: 'Whether JWKS may be fetched from private addresses and over plain http.',
    parse: flag,
  },
  ROWPASS_JWKS_MIN_SECONDS: {
    default: '30',
    says: 'The shortest time for which the keys of an issuer are kept, whatever its `max-age` says.',
    parse: integer(1, 600),
  },
  ROWPASS_JWKS_MAX_SECONDS: {
    default: '600',
    says: 'The longest. A key that its issuer has removed is refused within this, or its `max-age`, and 6 s.',
    parse: integer(1, 86_400),
  },
  ROWPASS_JWKS_STALE_SECONDS: {
    default: '3600',
    says: 'How long keys are used when their issuer does not answer.',
    parse: integer(600, 86_400),
  },
} as const satisfies Record<string, Setting<unknown>>

type SettingName = keyof typeof settings

/** What the settings are parsed to. */
export type SettingValues = { readonly [Name in SettingName]: ReturnType<(typeof settings)[Name]['parse']> }
