import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fromBase64Url } from '../../src/token/base64url.ts'

describe('base64url', () => {
  it('gives back the bytes of every canonical text', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 40 }), (bytes) => {
        expect(fromBase64Url(Buffer.from(bytes).toString('base64url'))).toEqual(bytes)
      }),
      { seed: 1 },
    )
  })

  it.each([
    'A',
    'AAAAA',
    'AA==',
    'AAA=',
    'A A',
    'AA\n',
    ' AA',
    'AB',
    'A_',
    'AAB',
    'AA_',
    '+AAA',
    '/AAA',
    'AAÄA',
    'AA.A',
    '=',
    '\0',
  ])('SEC-13 refuses %j', (text) => {
    expect(fromBase64Url(text)).toBeUndefined()
  })

  it('SEC-13 has one text of each length for the same bytes', () => {
    const digits = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_'
    const accepted = (prefix: string) => [...digits].filter((digit) => fromBase64Url(prefix + digit) !== undefined)
    expect([accepted('A'), accepted('AA'), accepted('AAA')].map(({ length }) => length)).toEqual([4, 16, 64])
  })
})
