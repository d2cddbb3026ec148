/** Which URLs keys may be fetched from: a configured URL must not become a way into the network around the gateway. */
import { OptionError } from '../errors.ts'

/**
 * Refuses a JWKS URL that is not to be fetched.
 *
 * Allowed are `https` to a public name or address, and `http` or `https` to this machine (`localhost`, 127.0.0.0/8, ::1).
 * With `allowPrivateNetwork` also private addresses and names without a public domain, by `http` too; `http` to a public
 * name never is.
 *
 * Does NOT resolve names: a public name that points to a private address passes. Where that matters, give the verifier
 * a `fetch` that checks the address it connects to.
 *
 * @throws OptionError naming the rule
 */
export function assertJwksUrl(url: URL, options: { readonly allowPrivateNetwork: boolean }): void {
  if (!(url instanceof URL)) throw new OptionError('jwksUrl is not a URL')
  if (url.username !== '' || url.password !== '') throw new OptionError('jwksUrl holds a user name or password')
  const place = placeOf(url.hostname)
  if (place === 'unusable') throw new OptionError(`jwksUrl: no keys are fetched from ${url.hostname}`)
  if (place === 'private' && !options.allowPrivateNetwork) {
    throw new OptionError(`jwksUrl: ${url.hostname} is in a private network, which is not allowed`)
  }
  const plain = url.protocol === 'http:' && place !== 'public'
  if (url.protocol !== 'https:' && !plain) throw new OptionError('jwksUrl is not https')
}

const distance = { public: 2, private: 1, loopback: 0, unusable: 0 } as const

/** Whether a URL leads to a place that is nearer to this machine than another: private before public, loopback before both. */
export function isNearer(url: URL, than: URL): boolean {
  return distance[placeOf(url.hostname)] < distance[placeOf(than.hostname)]
}

type Place = 'public' | 'private' | 'loopback' | 'unusable'

/** The URL parser has already brought every spelling of an address into one: `0x7f.1` arrives as `127.0.0.1`. */
function placeOf(hostname: string): Place {
  if (hostname.startsWith('[')) return placeOfIpv6(hostname.slice(1, -1))
  if (/^\d+\.\d+\.\d+\.\d+$/.test(hostname)) return placeOfIpv4(hostname.split('.').map(Number))
  const name = hostname.replace(/\.$/, '')
  if (name === 'localhost') return 'loopback'
  return !name.includes('.') || /\.(?:localhost|local|internal|lan|home\.arpa)$/.test(name) ? 'private' : 'public'
}

/** @see RFC 6890 */
function placeOfIpv4([a = 0, b = 0, c = 0]: readonly number[]): Place {
  if (a === 127) return 'loopback'
  if (a === 0 || a >= 224) return 'unusable'
  if (a === 169 && b === 254) return 'unusable'
  if (a === 10 || (a === 172 && b >= 16 && b <= 31) || (a === 192 && b === 168)) return 'private'
  if ((a === 100 && b >= 64 && b <= 127) || (a === 198 && (b === 18 || b === 19))) return 'private'
  return a === 192 && b === 0 && c === 0 ? 'unusable' : 'public'
}

/** Only global unicast is public; forms that carry an IPv4 address (mapped, NAT64, 6to4, Teredo) are not used at all. */
function placeOfIpv6(address: string): Place {
  if (address === '::1') return 'loopback'
  const [first = '', second = ''] = address.split(':')
  const high = Number.parseInt(first || '0', 16)
  if (high >= 0xfc00 && high <= 0xfdff) return 'private'
  if (high < 0x2000 || high > 0x3fff || high === 0x2002) return 'unusable'
  return high === 0x2001 && Number.parseInt(second || '0', 16) === 0 ? 'unusable' : 'public'
}
