import { describe, expect, it } from 'vitest'
import { parseBearer, toChallenge } from '../../src/token/bearer.ts'

const codeOf = (values: Parameters<typeof parseBearer>[0]) => {
  try {
    return parseBearer(values)
  } catch (error) {
    return (error as { code: string }).code
  }
}

describe('the Authorization header', () => {
  it.each(['Bearer a.b-c._~+/x', 'bearer a.b-c._~+/x', 'BEARER   a.b-c._~+/x'])('gives the token of "%s"', (value) => {
    expect(parseBearer(value)).toBe('a.b-c._~+/x')
    expect(parseBearer([value])).toBe('a.b-c._~+/x')
  })

  it.each([
    [undefined, 'token_missing'],
    [null, 'token_missing'],
    [[], 'token_missing'],
    ['', 'token_missing'],
    ['Basic dTpw', 'token_missing'],
    ['Bearer', 'token_invalid'],
    ['Bearer ', 'token_invalid'],
    ['Bearer a b', 'token_invalid'],
    ['Bearer a\nb', 'token_missing'],
    ['Bearer\ta', 'token_missing'],
    ['Bearer a=b', 'token_invalid'],
    ['Bearer ä', 'token_invalid'],
    ['Bearera', 'token_missing'],
    [' Bearer a', 'token_missing'],
    ['Bearer a ', 'token_invalid'],
    ['Bearer a, Bearer b', 'request_invalid'],
    ['Basic dTpw, Bearer a', 'request_invalid'],
    [['Bearer a', 'Bearer a'], 'request_invalid'],
    [['Basic dTpw', 'Bearer a'], 'request_invalid'],
  ])('SEC-19 %j is %s', (values, code) => {
    expect(codeOf(values)).toBe(code)
  })
})

describe('the challenge', () => {
  it.each([
    ['token_missing', 'Bearer'],
    ['token_invalid', 'Bearer error="invalid_token"'],
    ['token_expired', 'Bearer error="invalid_token"'],
    ['role_refused', 'Bearer error="insufficient_scope"'],
    ['statement_refused', undefined],
  ] as const)('SEC-18 for %s is %s', (code, challenge) => {
    expect(toChallenge(code)).toBe(challenge)
  })
})
