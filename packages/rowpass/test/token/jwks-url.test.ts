import { describe, expect, it } from 'vitest'
import { assertJwksUrl } from '../../src/token/jwks-url.ts'
import { createVerifier } from '../../src/token/verifier.ts'
import * as t from './test-issuer.ts'

const always = [
  'https://issuer.example/jwks.json',
  'https://issuer.example:8443/a?b=c',
  'https://8.8.8.8/',
  'https://172.15.0.1/',
  'https://172.32.0.1/',
  'https://100.128.0.1/',
  'https://[2606:4700::1111]/',
  'http://127.0.0.1:8787/.well-known/jwks.json',
  'http://127.9.9.9/',
  'http://localhost:8787/',
  'http://[::1]:8787/',
  'https://localhost/',
  'http://0x7f.1/',
  'http://2130706433/',
]

const onlyIfPrivateIsAllowed = [
  'https://10.0.0.1/',
  'https://172.16.0.1/',
  'https://172.31.255.255/',
  'https://192.168.1.1/',
  'https://100.64.0.1/',
  'https://198.18.0.1/',
  'https://0xa000001/',
  'https://[fd00::1]/',
  'https://[fc00::1]/',
  'https://api/',
  'https://metadata.google.internal/',
  'https://metadata.google.internal./',
  'https://printer.local/',
  'https://a.localhost/',
  'http://api:8787/jwks.json',
  'http://10.0.0.1/',
  'http://[fd00::1]/',
]

const never = [
  'http://issuer.example/',
  'http://8.8.8.8/',
  'http://[2606:4700::1111]/',
  'ftp://issuer.example/',
  'file:///etc/passwd',
  'data:application/json,{}',
  'https://user:secret@issuer.example/',
  'https://user@issuer.example/',
  'https://0.0.0.0/',
  'https://169.254.169.254/',
  'https://0xa9fea9fe/',
  'https://192.0.0.192/',
  'https://224.0.0.1/',
  'https://255.255.255.255/',
  'https://[::]/',
  'https://[::ffff:127.0.0.1]/',
  'https://[::ffff:8.8.8.8]/',
  'https://[::7f00:1]/',
  'https://[64:ff9b::7f00:1]/',
  'https://[2002:7f00:1::]/',
  'https://[2001:0:7f00:1::]/',
  'https://[fe80::1]/',
  'https://[ff02::1]/',
  'http://localhost.issuer.example/',
  'http://127.0.0.1.issuer.example/',
]

const isAllowed = (url: string, allowPrivateNetwork: boolean) => {
  try {
    assertJwksUrl(new URL(url), { allowPrivateNetwork })
    return true
  } catch (error) {
    expect(error).toBeInstanceOf(TypeError)
    expect((error as Error).message).not.toContain('secret')
    return false
  }
}

describe('the URL of a JWKS', () => {
  it.each(always)('SEC-28 may be %s', (url) => {
    expect([isAllowed(url, false), isAllowed(url, true)]).toEqual([true, true])
  })

  it.each(onlyIfPrivateIsAllowed)('SEC-28 may be %s where private networks are allowed', (url) => {
    expect([isAllowed(url, false), isAllowed(url, true)]).toEqual([false, true])
  })

  it.each(never)('SEC-28 may not be %s', (url) => {
    expect([isAllowed(url, false), isAllowed(url, true)]).toEqual([false, false])
  })

  it('SEC-28 is checked before anything is fetched', () => {
    const issuer = t.trusted(new URL('https://10.0.0.1/'))
    expect(() => createVerifier([issuer], { sha256: t.sha256 })).toThrow('10.0.0.1 is in a private network')
    expect(() => createVerifier([issuer], { sha256: t.sha256, allowPrivateNetwork: true })).not.toThrow()
  })
})
