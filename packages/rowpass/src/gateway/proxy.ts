/**
 * Fetches through the proxy that the environment names, as most programs do; Node's own `fetch` does not heed it everywhere.
 */
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { Readable } from 'node:stream'
import { connect as connectTls, type TLSSocket } from 'node:tls'

type Env = Readonly<Record<string, string | undefined>>

/**
 * A `fetch` for GET that goes through `HTTPS_PROXY`, but for hosts in `NO_PROXY`, by a tunnel (CONNECT): the proxy sees a host
 * name and no keys. Plain http, which only private places may have, never does.
 *
 * Certificates are checked against those of Node and of `NODE_EXTRA_CA_CERTS`. Does NOT say which addresses may be asked: the
 * verifier does, before. Decompresses nothing and follows no redirect.
 *
 * @throws TypeError when HTTPS_PROXY is not the URL of a proxy
 */
export function createProxyFetch(env: Env): typeof fetch {
  const given = env.HTTPS_PROXY || env.https_proxy
  if (given === undefined || given === '') return fetch
  if (!URL.canParse(given) || !/^https?:$/.test(new URL(given).protocol)) {
    throw new TypeError('HTTPS_PROXY is not a URL that begins with http:// or https://')
  }
  const proxy = new URL(given)
  return async (input, init = {}) => {
    const url = new URL(input instanceof Request ? input.url : input)
    if (url.protocol !== 'https:' || isExcepted(url, env.NO_PROXY || env.no_proxy || '')) return fetch(input, init)
    return requestThrough(await openTunnel(proxy, url, init.signal ?? undefined), url, init)
  }
}

/** `NO_PROXY`: names that stand for those below them too, perhaps with a port, parted by commas; `*` is everything. */
function isExcepted({ hostname, port }: URL, list: string): boolean {
  return list
    .toLowerCase()
    .split(/[\s,]+/)
    .filter((entry) => entry !== '')
    .some((entry) => {
      const [, name = '', at] = /^\*?\.?(.*?)(?::(\d+))?$/.exec(entry) ?? []
      if (at !== undefined && at !== (port || '443')) return false
      return entry === '*' || hostname === name || (name !== '' && hostname.endsWith(`.${name}`))
    })
}

function openTunnel(proxy: URL, { hostname, port }: URL, signal: AbortSignal | undefined): Promise<TLSSocket> {
  const place = `${hostname}:${port || 443}`
  const credentials = `${decodeURIComponent(proxy.username)}:${decodeURIComponent(proxy.password)}`
  const headers = {
    host: place,
    ...(credentials === ':' ? {} : { 'proxy-authorization': `Basic ${Buffer.from(credentials).toString('base64')}` }),
  }
  const request = (proxy.protocol === 'https:' ? requestHttps : requestHttp)({
    host: proxy.hostname.replace(/^\[|\]$/g, ''),
    port: proxy.port || (proxy.protocol === 'https:' ? 443 : 80),
    method: 'CONNECT',
    path: place,
    headers,
    agent: false,
    ...(signal === undefined ? {} : { signal }),
  })
  return new Promise((resolve, reject) => {
    request.once('error', reject)
    request.once('connect', ({ statusCode }, socket) => {
      if (statusCode === 200) {
        const secure = connectTls({ socket, servername: hostname, ALPNProtocols: ['http/1.1'] })
        secure.once('secureConnect', () => resolve(secure))
        secure.on('error', reject)
        return
      }
      socket.destroy()
      reject(Object.assign(new Error('the proxy refused'), { code: `PROXY_${statusCode}` }))
    })
    request.end()
  })
}

function requestThrough(socket: TLSSocket, url: URL, { headers, signal }: RequestInit): Promise<Response> {
  // The socket is encrypted already.
  const request = requestHttp({
    createConnection: () => socket,
    path: url.pathname + url.search,
    headers: {
      ...Object.fromEntries(new Headers(headers)),
      host: url.host,
      connection: 'close',
      'accept-encoding': 'identity',
    },
    ...(signal ? { signal } : {}),
  })
  return new Promise((resolve, reject) => {
    request.once('error', reject)
    request.once('response', (answer) => {
      const status = answer.statusCode ?? 502
      const isEmpty = [101, 204, 205, 304].includes(status)
      const body = isEmpty ? null : (Readable.toWeb(answer) as ReadableStream<Uint8Array>)
      const pairs = Object.entries(answer.headers).map(([name, value]): [string, string] => [name, String(value)])
      resolve(new Response(body, { status, headers: pairs }))
    })
    request.end()
  })
}
