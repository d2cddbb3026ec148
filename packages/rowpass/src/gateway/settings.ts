/**
 * Every setting of the gateway, in one table. From it follow the parser and its bounds, the type of the configuration, what
 * `--print-config` prints, and docs/configuration.md.
 */
import { parsePostgresUrl } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import { parseHosts } from '../network.ts'
import { toClientConfig } from '../postgres/server-url.ts'
import { placesOf } from '../postgres/servers.ts'
import { parseSealKeys } from '../seal/keys.ts'
import { explainIssuers, parseIssuers } from './issuers.ts'
import { mcpSettings } from './mcp/settings.ts'
import { passwordSettings } from './password/settings.ts'
import { flag, integer, list, type Setting, set, text } from './setting-kinds.ts'

const maxWorkers = 256

const word = (given: string) => given

const workers = (text: string): number | 'auto' => {
  if (text === 'auto') return text
  const number = Number(text)
  if (!/^\d+$/.test(text) || number < 1 || number > maxWorkers)
    throw new TypeError(`is neither auto nor a whole number from 1 to ${maxWorkers}`)
  return number
}

const origins = (text: string) => {
  for (const origin of list(text)) {
    if (!URL.canParse(origin) || new URL(origin).origin !== origin) throw new TypeError(`has no origin "${origin}"`)
  }
  return set(text)
}

/** RFC 9110 §5.6.2; node has headers by lower-case name. */
const headerName = (text: string) => {
  if (!/^[\w!#$%&'*+.^`|~-]*$/.test(text)) throw new TypeError('is not the name of a header')
  return text === '' ? undefined : text.toLowerCase()
}

const postgresUrl = (text: string) => {
  let url: URL
  try {
    url = parsePostgresUrl(text, 'it')
    placesOf(url)
    toClientConfig(url)
  } catch (error) {
    throw new TypeError(`leads nowhere: ${error instanceof Failure ? error.detail : 'its parameters cannot be read'}`)
  }
  if (url.username === '' || url.pathname.length < 2) throw new TypeError('has no user or no database')
  return url
}

const maxReplicas = 16

const replicaUrls = (text: string) => {
  const urls = list(text).map(postgresUrl)
  if (urls.length > maxReplicas) throw new TypeError(`has more than ${maxReplicas} URLs`)
  for (const url of urls) {
    if (placesOf(url).includes(',') || url.searchParams.has('target_session_attrs'))
      throw new TypeError('has a URL of several servers: name each replica by a URL of its own')
  }
  return urls
}

/** Every setting, by its name in the configuration; `variableOf` names its variable. */
export const settings = {
  databaseUrl: text({
    form: 'a URL',
    secret: true,
    parse: postgresUrl,
    says: 'PostgreSQL to serve, with the powerless login role that `rowpass db migrate` makes. Several servers, of which one takes writes: `postgresql://…@a:5432,b:5432/app?target_session_attrs=read-write`; see production.md.',
  }),
  sealKeys: text({
    form: 'a list',
    secret: true,
    parse: parseSealKeys,
    says: 'Keys that seal claims: `name:secret[,name:secret…]`, 32 bytes in base64url each. The first one seals. `rowpass db seal-keys --new <name>` makes one.',
  }),
  issuers: text({
    form: 'JSON',
    parse: parseIssuers,
    explain: explainIssuers,
    says: 'Issuers whose tokens are accepted, as JSON: see below.',
  }),
  replicaUrls: text({
    form: 'a list',
    default: '',
    secret: true,
    parse: replicaUrls,
    explain: (urls) => urls.map((url) => `reads go to ${placesOf(url)}`),
    says: `Replicas that take reads, as URLs of one server each, separated by commas, at most ${maxReplicas}: streaming copies of the primary, with the same login and database. None by default; see production.md.`,
  }),
  replicaMaxLagMs: integer({
    unit: 'milliseconds',
    default: 1_000,
    min: 500,
    max: 60_000,
    says: 'The age of what a replica may answer with. One that is later takes no reads.',
  }),
  databaseAliases: text({
    form: 'a list',
    default: '',
    parse: list,
    says: 'Database names that clients may use besides the real one, separated by commas.',
  }),
  host: text({ form: 'an address', default: '127.0.0.1', parse: word, says: 'Address to listen on.' }),
  port: integer({ default: 4_444, min: 0, max: 65_535, says: 'Port to listen on; 0 takes a free one.' }),
  hosts: text({
    form: 'a list',
    default: '',
    parse: parseHosts,
    says: 'Host names that requests may be sent to, separated by commas, besides those of loopback; others are refused with `host_unknown`. Any when empty, except for `npm start` with `DEMO`: there it is the host of `ISSUER` and those of `DEMO_HOSTS`.',
  }),
  metricsPort: integer({
    default: 0,
    min: 0,
    max: 65_535,
    says: 'Port of `GET /metrics` for Prometheus, on the same address; 0 for none. Do not make it public.',
  }),
  corsOrigins: text({
    form: 'a list',
    default: '',
    parse: origins,
    says: 'Origins whose pages may call the gateway, over HTTP and WebSocket, separated by commas. None by default.',
  }),
  workers: text({
    form: `1 to ${maxWorkers} processes, \`auto\``,
    default: '1',
    parse: workers,
    says: 'Processes that `rowpass gateway` serves its port with, see [below](#workers). `auto`: one for each processor, but no more than have two of `ROWPASS_POOL_SIZE` each. A gateway in a program of yours, and that of `npm start`, is one.',
  }),
  poolSize: integer({
    unit: 'connections',
    default: 4,
    min: 1,
    max: 1_000,
    says: 'Connections to PostgreSQL, of all workers together: each has an equal part.',
  }),
  gateways: integer({
    unit: 'gateways',
    default: 1,
    min: 1,
    max: 1_000,
    says: 'Gateways that share the login. `rowpass db migrate` and `rowpass db harden` give it a CONNECTION LIMIT of twice what they need, `ROWPASS_POOL_SIZE` and 5 for each worker.',
  }),
  pipelineDepth: integer({
    unit: 'requests',
    default: 8,
    min: 1,
    max: 256,
    says: 'Requests that one connection carries at once.',
  }),
  slowLimit: integer({
    unit: 'requests',
    default: 2,
    min: 1,
    max: 1_000,
    says: 'Requests that may run for longer than 100 ms at once; further ones wait. Two connections fewer than there are, if that is less, but always one.',
  }),
  preparedStatements: integer({
    unit: 'statements',
    default: 256,
    min: 0,
    max: 10_000,
    says: 'Statements kept prepared on each connection; 0 behind a pooler in transaction mode.',
  }),
  queueLimit: integer({
    unit: 'requests',
    default: 1_000,
    min: 0,
    max: 1_000_000,
    says: 'Requests that may wait for a connection.',
  }),
  queueTimeoutMs: integer({
    unit: 'milliseconds',
    default: 5_000,
    min: 1,
    max: 600_000,
    says: 'Milliseconds a request may wait for a connection.',
  }),
  identityLimit: integer({
    unit: 'requests',
    default: 64,
    min: 1,
    max: 1_000_000,
    says: 'Requests that one tenant (claim `tenant_id`), or one subject without a tenant, may have under way.',
  }),
  identityBytesPerSecond: integer({
    unit: 'bytes a second',
    default: 8_388_608,
    min: 65_536,
    max: 1_099_511_627_776,
    says: 'Bytes of large request bodies and answers that one tenant, or one subject without a tenant, may move in a second; twice as much may come at once. Whoever has moved more waits, up to `ROWPASS_QUEUE_TIMEOUT_MS`.',
  }),
  connectTimeoutMs: integer({
    unit: 'milliseconds',
    default: 5_000,
    min: 1,
    max: 600_000,
    says: 'Milliseconds a connection to PostgreSQL may take to open.',
  }),
  statementTimeoutMs: integer({
    unit: 'milliseconds',
    default: 15_000,
    min: 1,
    max: 3_600_000,
    says: 'Milliseconds one statement may run.',
  }),
  lockTimeoutMs: integer({
    unit: 'milliseconds',
    default: 5_000,
    min: 1,
    max: 3_600_000,
    says: 'Milliseconds a statement may wait for a lock.',
  }),
  drainSeconds: integer({
    unit: 'seconds',
    default: 0,
    min: 0,
    max: 600,
    says: 'Seconds for which a gateway that was asked to end goes on as before, while `GET /readyz` says 503: so long a balancer in front may take to notice. 0 where there is none.',
  }),
  requestTimeoutMs: integer({
    unit: 'milliseconds',
    default: 30_000,
    min: 1,
    max: 3_600_000,
    says: 'Milliseconds a whole request, batch or not, may run.',
  }),
  maxRequestBytes: integer({
    unit: 'bytes',
    default: 10_485_760,
    min: 1,
    max: 1_073_741_824,
    says: 'Bytes of a request body.',
  }),
  maxResponseBytes: integer({
    unit: 'bytes',
    default: 10_485_760,
    min: 1,
    max: 1_073_741_824,
    says: 'Bytes of results that one request may return.',
  }),
  maxHeldBytes: integer({
    unit: 'bytes',
    default: 67_108_864,
    min: 1_048_576,
    max: 1_099_511_627_776,
    says: 'Bytes of request bodies, and of answers while they are made and until they are read, of all clients together; one tenant may have half of them. Beyond it, the client that holds most loses an answer.',
  }),
  maxStatementLength: integer({
    unit: 'UTF-16 units',
    default: 655_360,
    min: 1_000,
    max: 1_048_576,
    says: 'UTF-16 units of the text of one statement. An INSERT with all 65,535 parameters that PostgreSQL allows has some 560,000.',
  }),
  maxBatch: integer({ unit: 'statements', default: 1_000, min: 1, max: 100_000, says: 'Statements in one batch.' }),
  allowExplain: flag({
    default: false,
    says: 'Whether token holders may use EXPLAIN. Its plans count rows that the policies hide, and so read them one by one: for development alone.',
  }),
  ...mcpSettings,
  serverTiming: flag({
    default: false,
    says: 'Whether answers to a token tell in `Server-Timing` how long each step took, also those of PostgreSQL. How long a statement takes depends on rows that the policies hide: for development alone.',
  }),
  ...passwordSettings,
  addressHeader: text({
    form: 'a name',
    default: '',
    parse: headerName,
    says: 'Header in which the proxy in front gives the address of the client, such as `X-Forwarded-For`; of a list the last one counts. Only for a gateway that nobody reaches past that proxy.',
  }),
  auditChain: flag({
    default: false,
    says: 'Whether each line of the log that is of a request has the hash of the one before, so that `rowpass audit verify` notices one that is missing or was edited. Costs some 2 µs a request.',
  }),
  privateJwks: flag({
    default: false,
    says: 'Whether JWKS may be fetched from private addresses and over plain http.',
  }),
  jwksMinSeconds: integer({
    unit: 'seconds',
    default: 30,
    min: 1,
    max: 600,
    says: 'The shortest time for which the keys of an issuer are kept, whatever its `max-age` says.',
  }),
  jwksMaxSeconds: integer({
    unit: 'seconds',
    default: 600,
    min: 1,
    max: 86_400,
    says: 'The longest. A key that its issuer has removed is refused within this, or its `max-age`, and 6 s.',
  }),
  jwksStaleSeconds: integer({
    unit: 'seconds',
    default: 3_600,
    min: 600,
    max: 86_400,
    says: 'How long keys are used when their issuer does not answer.',
  }),
} as const satisfies Record<string, Setting<unknown>>

/** What the settings are parsed to. */
export type SettingValues = {
  readonly [Name in keyof typeof settings]: ReturnType<(typeof settings)[Name]['parse']>
}
