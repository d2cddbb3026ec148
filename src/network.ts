/**
 * What counts as one client by its network address, for everything that is counted per address.
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
