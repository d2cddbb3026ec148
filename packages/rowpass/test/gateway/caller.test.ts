import { describe, expect, it } from 'vitest'
import { createCallers } from '../../src/gateway/caller.ts'
import { parseSealKeys } from '../../src/seal/keys.ts'
import type { VerifiedToken } from '../../src/token/verifier.ts'
import { sealKeysText } from '../support/pg.ts'

describe('who a request counts against', () => {
  const [key] = parseSealKeys(sealKeysText)
  const toCaller = createCallers(() => key)
  const ownerOf = (sub: string, claims: Record<string, unknown>): string => {
    const all = { iss: 'https://issuer.example', sub, exp: 2_000_000_000, ...claims }
    const { iss, exp } = all
    const token: VerifiedToken = {
      iss,
      sub,
      exp,
      jti: undefined,
      kid: 'k',
      role: 'authenticated',
      claims: all,
      claimsJson: JSON.stringify(all),
    }
    return toCaller(token).owner
  }

  it.each([
    ['a name', 'acme', 'other'],
    ['a number', 7, 8],
  ])('SEC-74 is the tenant, which is %s', (_, tenant_id, another) => {
    expect(ownerOf('ann', { tenant_id })).toBe(ownerOf('bob', { tenant_id }))
    expect(ownerOf('ann', { tenant_id })).not.toBe(ownerOf('ann', { tenant_id: another }))
  })

  it.each([[{}], [{ tenant_id: null }], [{ tenant_id: ['acme'] }]])('is the subject with %j', (claims) => {
    expect(ownerOf('ann', claims)).not.toBe(ownerOf('bob', claims))
  })
})
