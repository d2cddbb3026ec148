import { describe, expect, it } from 'vitest'
import { scramVerifier } from '../../src/database/scram.ts'

describe('a SCRAM verifier', () => {
  it('belongs to the example exchange of RFC 7677 §3', () => {
    // StoredKey and ServerKey of user "user" with password "pencil", from the proof and signature of that exchange.
    const verifier = scramVerifier('pencil', Buffer.from('W22ZaJ0SNY7soEsUEjb6gQ==', 'base64'))
    expect(verifier).toBe(
      'SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=',
    )
  })

  it('is another one each time', () => {
    expect(scramVerifier('pencil')).not.toBe(scramVerifier('pencil'))
  })

  it('never needs quoting in SQL', () => {
    expect(scramVerifier(`it's \\ "quoted"`)).toMatch(
      /^SCRAM-SHA-256\$4096:[A-Za-z0-9+/=]+\$[A-Za-z0-9+/=]+:[A-Za-z0-9+/=]+$/,
    )
  })

  it.each([
    ['an empty password', ''],
    ['a letter outside ASCII', 'pässword'],
    ['a line end', 'pass\nword'],
  ])('refuses %s', (_title, password) => {
    expect(() => scramVerifier(password)).toThrow(TypeError)
  })
})
