/**
 * The servers that one URL names, and the first of them that is as it asks: as libpq does it, which tries one after the
 * other.
 */
import { Failure } from '../errors.ts'
import { explainConnect, ServerClient, type ServerConfig, serverRefusal, toClientConfig, wordOf } from './server-url.ts'

/** Words of libpq for `target_session_attrs`. */
const wishes = ['any', 'read-write', 'read-only', 'primary', 'standby', 'prefer-standby'] as const
type Wish = (typeof wishes)[number]

interface Place {
  readonly host: string
  /** Undefined where the URL has none. */
  readonly port: number | undefined
}

/** What a URL asks for. */
interface Servers {
  readonly places: readonly [Place, ...Place[]]
  readonly wish: Wish
  /** They are tried in an order of chance. */
  readonly balanced: boolean
}

/**
 * Takes a list of hosts out of the place where `URL` has room for one: `postgresql://a:5432,b/app` becomes
 * `postgresql://a:5432/app?host=a,b&port=5432,5432`, which libpq understands too. Any other text stays as it is.
 *
 * @throws Failure `config_invalid` for an entry that is no host, and for hosts in both places
 * @see https://www.postgresql.org/docs/current/libpq-connect.html#LIBPQ-MULTIPLE-HOSTS
 */
export function withListedHosts(text: string): string {
  const [, before, list, after] =
    /^(postgres(?:ql)?:\/\/(?:[^/?#]*@)?)([^/?#@]*,[^/?#@]*)((?:[/?#].*)?)$/is.exec(text) ?? []
  if (before === undefined || list === undefined) return text
  const hosts = list.split(',')
  if (!hosts.every((host) => host !== '' && URL.canParse(`postgresql://${host}`))) {
    throw wrong('has an entry in its list of hosts that is none')
  }
  const url = URL.canParse(`${before}${hosts[0]}${after}`) ? new URL(`${before}${hosts[0]}${after}`) : undefined
  if (url === undefined) return text
  if (url.searchParams.has('host') || url.searchParams.has('port')) throw wrong('names its hosts twice')
  const named = hosts.map((host) => new URL(`postgresql://${host}`))
  const names = named.map(({ hostname }) => hostname.replace(/^\[|\]$/g, '')).join(',')
  const ports = named.map(({ port }) => port || '5432').join(',')
  // Not by `searchParams`, which would write everything else anew: a space as `+`, which libpq does not read.
  url.search += `${url.search === '' ? '' : '&'}host=${names}&port=${ports}`
  return url.href
}

/** Host and port of each server of a URL, without user and password: safe to show. */
export function placesOf(url: URL): string {
  return toServers(url).places.map(nameOf).join(',')
}

/** Whether a URL asks for the one server that takes writes, so that there is none beside it. */
export function isForWriter(url: URL): boolean {
  const { wish, balanced } = toServers(url)
  return !balanced && (wish === 'read-write' || wish === 'primary')
}

/**
 * Logs in to the first server that is as the URL asks. Each has its own `connectionTimeoutMillis`. As with libpq, one that
 * refuses the login ends the search, and one that is starting or stopping does not.
 *
 * A name with several addresses is one server here, where libpq tries each of them.
 *
 * @param settings what differs from the URL
 * @param prepare is given each client before it connects
 * @throws the error of node-postgres; with several servers `NoServer`, which has that of each, unless one refused the login
 */
export async function connectServer(
  url: URL,
  settings: ServerConfig = {},
  prepare: (client: ServerClient) => void = () => {},
): Promise<ServerClient> {
  const { places, wish, balanced } = toServers(url)
  const config = { ...toClientConfig(url), ...settings }
  const inTurn = balanced ? shuffle(places) : places
  const tries: Try[] = []
  for (const wanted of wish === 'prefer-standby' ? (['standby', 'any'] as const) : [wish]) {
    for (const place of inTurn) {
      const client = new ServerClient({ ...config, ...place })
      // One that breaks while idle would end the process; the next query reports it.
      client.on('error', () => {})
      prepare(client)
      try {
        await client.connect()
        await refuseUnlike(client, wanted, settings.connectionTimeoutMillis)
        return client
      } catch (error) {
        client.abandon()
        if (isRefused(error) || (places.length === 1 && wish !== 'prefer-standby')) throw error
        tries.push({ place: nameOf(place), error })
      }
    }
  }
  throw new NoServer(tries)
}

/** The server that {@link connectServer} would log in to now, for whoever connects more than once. */
export async function findServer(url: URL): Promise<ServerConfig> {
  const client = await connectServer(url)
  const { host, port } = client
  await client.end()
  return { ...toClientConfig(url), host, port }
}

/** Whether a server was reached and will not have this login, so that trying another one, or again, is in vain. */
export function isRefused(error: unknown): boolean {
  const code = serverRefusal(error)?.code
  // It starts, stops, or has stopped: so it may be with the next.
  return code !== undefined && !/^57P0[123]$/.test(code)
}

interface Try {
  readonly place: string
  readonly error: unknown
}

/** None of several servers is to be had. Its message says why of each, and holds no password. */
export class NoServer extends Error {
  override readonly name = 'NoServer'

  constructor(tries: readonly Try[]) {
    super(tries.map(({ place, error }) => `${place}: ${explainConnect(error)}`).join('; '))
  }
}

function toServers(url: URL): Servers {
  const parameters = url.searchParams
  const wish = wordOf(parameters, 'target_session_attrs', wishes) ?? 'any'
  const balanced = wordOf(parameters, 'load_balance_hosts', ['disable', 'random']) === 'random'
  const hosts = (parameters.get('host') || hostOf(url)).split(',')
  const ports = (parameters.get('port') || url.port).split(',').map(toPort)
  if (hosts.includes('')) throw wrong('has an empty entry in its list of hosts')
  if (ports.length !== 1 && ports.length !== hosts.length) {
    throw wrong(`has ${ports.length} ports for ${hosts.length} hosts`)
  }
  const [first, ...others] = hosts.map((host, index) => ({ host, port: ports.length === 1 ? ports[0] : ports[index] }))
  return { places: [first as Place, ...others], wish, balanced }
}

function hostOf({ hostname }: URL): string {
  return decodeURIComponent(hostname.replace(/^\[|\]$/g, ''))
}

function toPort(text: string): number | undefined {
  if (text === '') return undefined
  const port = Number(text)
  if (!/^\d+$/.test(text) || port < 1 || port > 65_535) throw wrong('has a port that is none')
  return port
}

function wrong(what: string): Failure {
  return new Failure('config_invalid', { detail: `the database URL ${what}` })
}

function nameOf({ host, port = 5432 }: Place): string {
  return `${host.includes(':') ? `[${host}]` : host}:${port}`
}

function shuffle<T>(items: readonly T[]): T[] {
  const order = [...items]
  for (let last = order.length - 1; last > 0; last--) {
    const other = Math.floor(Math.random() * (last + 1))
    ;[order[last], order[other]] = [order[other] as T, order[last] as T]
  }
  return order
}

/** Asked, and not taken from what the server reports of itself: a pooler in between does not pass all of that on. */
const natureSql = `select pg_catalog.pg_is_in_recovery() as standby,
  pg_catalog.current_setting('transaction_read_only') = 'on' as "readOnly"`

async function refuseUnlike(client: ServerClient, wanted: Wish, timeoutMs = 0): Promise<void> {
  if (wanted === 'any') return
  const query = { text: natureSql, ...(timeoutMs === 0 ? {} : { query_timeout: timeoutMs }) }
  const { rows } = await client.query<{ standby: boolean; readOnly: boolean }>(query)
  const [{ standby, readOnly } = { standby: false, readOnly: false }] = rows
  const isLike = { 'read-write': !readOnly, 'read-only': readOnly, primary: !standby, standby, 'prefer-standby': true }
  if (isLike[wanted]) return
  const nature = wanted.startsWith('read-') ? (readOnly ? 'read-only' : 'read-write') : standby ? 'standby' : 'primary'
  throw new Error(`it is ${nature}, and the URL has target_session_attrs=${wanted}`)
}
