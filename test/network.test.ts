import { describe, expect, it } from 'vitest'
import { toNetwork } from '../src/network.ts'

describe('the network of an address', () => {
  it.each<[string, string, string]>([
    ['an IPv4 address', '192.0.2.1', '192.0.2.1'],
    ['one with a port', '192.0.2.1:50123', '192.0.2.1'],
    ['one in IPv6 form', '::ffff:192.0.2.1', '192.0.2.1'],
    ['the last of a list', '203.0.113.9, 198.51.100.7 , 192.0.2.1:1', '192.0.2.1'],
    ['of IPv6 the /64', '2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['in any spelling', '2001:0DB8:0001:0002::6', '2001:db8:1:2'],
    ['with zeros left out', '2001:db8::6', '2001:db8:0:0'],
    ['with a port', '[2001:db8::6]:50123', '2001:db8:0:0'],
    ['with brackets alone', '[2001:db8::6]', '2001:db8:0:0'],
    ['of loopback', '::1', '0:0:0:0'],
    ['what is no address', 'Unknown', 'unknown'],
    ['no more than 64 characters of it', 'x'.repeat(1_000), 'x'.repeat(64)],
  ])('%s', (_title, address, network) => {
    expect(toNetwork(address)).toBe(network)
  })
})
