import { describe, expect, it } from 'vitest'
import { createCallers } from '../../src/gateway/caller.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'
import type { VerifiedToken } from '../../src/token/verifier.ts'
import { sealKeysText } from '../support/pg.ts'

describe('who a request counts against', () => {
  const [key] = parseSealKeys(sealKeysText)
  const toCaller = createCallers(() => key)
  const ownerOf = (sub: string, claims: { tenant?: string | number }): string => {
    const all = { iss: 'https://issuer.example', sub, exp: 2_000_000_000, ...claims }
    const { iss, exp, tenant } = all
    const token: VerifiedToken = {
      iss,
      sub,
      exp,
      acceptedUntil: exp + 30,
      tenant,
      jti: undefined,
      kid: 'k',
      role: 'authenticated',
      narrowing: undefined,
      claims: all,
      claimsJson: JSON.stringify(all),
    }
    return toCaller(token).owner
  }

  it.each([
    ['a name', 'acme', 'other'],
    ['a number', 7, 8],
  ])('SEC-74 is the tenant, which is %s', (_, tenant, another) => {
    expect(ownerOf('ann', { tenant })).toBe(ownerOf('bob', { tenant }))
    expect(ownerOf('ann', { tenant })).not.toBe(ownerOf('ann', { tenant: another }))
  })

  it('is the subject without one', () => {
    expect(ownerOf('ann', {})).not.toBe(ownerOf('bob', {}))
  })
})
