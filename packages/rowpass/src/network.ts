/**
 * What counts as one client by its network address, for everything that is counted per address; and which names of hosts
 * are this machine's.
 */

const maxLength = 64

/**
 * The network of an address: of IPv6 the /64, which one household has, in one spelling; anything else as it is.
 *
 * Of a list, as `X-Forwarded-For` is, the last address counts, which the nearest proxy has seen: those before it are
 * what the client says. A port is left out. Does not check that it is an address.
 */
export function toNetwork(address: string): string {
  const text = withoutPort(address.slice(address.lastIndexOf(',') + 1).trim())
    .toLowerCase()
    .slice(0, maxLength)
  if (!text.includes(':')) return text
  // An IPv4 address in IPv6 form is one machine's.
  const mapped = /^::ffff:([\d.]+)$/.exec(text)?.[1]
  if (mapped !== undefined) return mapped
  const [head = '', tail] = text.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === undefined || tail === '' ? [] : tail.split(':')
  const zeros = tail === undefined ? 0 : Math.max(8 - left.length - right.length, 0)
  const groups = [...left, ...Array.from({ length: zeros }, () => '0'), ...right]
  return groups
    .slice(0, 4)
    .map((group) => group.replace(/^0+(?=.)/, ''))
    .join(':')
}

/** Some proxies write `192.0.2.1:50123` or `[2001:db8::1]:50123`; the port differs with each connection. */
function withoutPort(text: string): string {
  return /^\[(.*)\](?::\d+)?$/.exec(text)?.[1] ?? /^(\d+(?:\.\d+){3}):\d+$/.exec(text)?.[1] ?? text
}

/**
 * Whether a host name of a URL is this machine's.
 *
 * @example
 * isLoopback('127.0.0.1') // true
 * isLoopback('example.com') // false
 */
export function isLoopback(hostname: string): boolean {
  return /^(localhost|.+\.localhost|127(\.\d+){3}|\[::1\])$/.test(hostname)
}

/**
 * Reads host names, separated by commas.
 * @throws TypeError that names the first one that is none, such as a URL or a name with a port
 * @example
 * const names = parseHosts('app.example.com, www.example.com')
 */
export function parseHosts(text: string): ReadonlySet<string> {
  const given = text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '')
  for (const name of given) {
    if (toHostname(name) !== name.toLowerCase()) throw new TypeError(`has no host name "${name}"`)
  }
  return new Set(given.map((name) => name.toLowerCase()))
}

/**
 * Whether the `Host` of a request is one of these names, or one of this machine's, at whatever port.
 *
 * A page whose own name was made to point here (DNS rebinding) sends that name, and no script of it can send another.
 *
 * @example
 * const names = parseHosts('app.example.com, www.example.com')
 * if (!isHost(request.headers.get('host') ?? undefined, names)) throw new Error('another host')
 */
export function isHost(host: string | undefined, names: ReadonlySet<string>): boolean {
  const name = toHostname(host ?? '')
  return name !== undefined && (isLoopback(name) || names.has(name))
}

/** A `Host` without its port, in lower case; undefined for what is none (RFC 9110 §7.2). */
function toHostname(host: string): string | undefined {
  const url = `http://${host}`
  return /^[^/?#@\\]+$/.test(host) && URL.canParse(url) ? new URL(url).hostname : undefined
}
