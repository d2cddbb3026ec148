import { describe, expect, it } from 'vitest'
import { isHost, parseHosts, toNetwork } from '../src/network.ts'

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

describe('the host of a request', () => {
  const names = parseHosts('Demo.Example, box.local')

  it.each([
    '127.0.0.1',
    '127.1.2.3:8787',
    'localhost:8787',
    'LOCALHOST',
    'app.localhost',
    '[::1]:8787',
    'demo.example:443',
  ])('may be %s', (host) => {
    expect(isHost(host, names)).toBe(true)
  })

  it.each([
    undefined,
    '',
    'evil.example',
    'evil.example:8787',
    'localhost.evil.example',
    '127.0.0.1.evil.example',
    'sub.demo.example',
    'evil.example@127.0.0.1',
    '127.0.0.1#.evil.example',
    '127.0.0.1/evil.example',
    'evil.example\\127.0.0.1',
    '192.168.0.7',
    '0.0.0.0',
    '[::]',
    '::1',
    '127.0.0.1, evil.example',
  ])('may not be %s', (host) => {
    expect(isHost(host, names)).toBe(false)
  })

  it.each(['http://demo.example', 'demo.example:80', 'a b', 'a@b', 'demo.example/'])('is not named by %s', (text) => {
    expect(() => parseHosts(`ok.example, ${text}`)).toThrow(TypeError(`has no host name "${text}"`))
  })
})
