import { describe, expect, it } from 'vitest'
import { OptionError } from '../../src/errors.ts'
import { createIssuer, isIssuerUrl } from '../../src/issuer/issuer.ts'
import { checkOwnClaims, type OwnClaims, reservedClaims } from '../../src/issuer/own-claims.ts'
import type { IssuerStore } from '../../src/issuer/store.ts'
import { isLoopback } from '../../src/network.ts'
import { generateKey, importSigningKey } from '../../src/token/key.ts'
import { fixedKeys } from '../../src/token/key-source.ts'

/** What comes of claims whose type was cast away. */
function refusalOf(claims: unknown): unknown {
  try {
    return checkOwnClaims(claims as OwnClaims)
  } catch (error) {
    return error
  }
}

describe('claims of an application', () => {
  it.each(reservedClaims)('SEC-32 no application sets the claim %s, also when its type was cast away', (name) => {
    const detail = `the claim "${name}" is set by the issuer`
    expect(refusalOf({ [name]: 'x' })).toMatchObject({ code: 'claims_invalid', detail })
    expect(refusalOf({ toJSON: () => ({ [name]: 'x' }) })).toMatchObject({ code: 'claims_invalid', detail })
  })

  it('SEC-32 what policies and the gateway trust is among them', () => {
    const trusted = 'iss aud sub exp nbf iat jti client_id scope sid tenant_id role act'.split(' ')
    expect(trusted.filter((name) => !reservedClaims.some((reserved) => reserved === name))).toEqual([])
  })

  it('SEC-32 takes nothing from the token by what it says of itself as JSON', () => {
    class Profile {
      plan = 'free'
      scope = 'all'
      toJSON() {
        return { plan: this.plan }
      }
    }
    // What was checked is what is passed on: no `toJSON` has a second say, and nothing it left out comes back.
    const profile = checkOwnClaims(new Profile() as unknown as OwnClaims)
    expect({ ...profile }).toEqual({ plan: 'free' })
    const turns = { count: 0, toJSON: () => (turns.count++ === 0 ? { plan: 'free' } : { sid: 'x' }) }
    expect(JSON.stringify(checkOwnClaims(turns as unknown as OwnClaims))).toBe('{"plan":"free"}')
  })

  it.each([
    ['longer than 4096 bytes', { text: `a${'é'.repeat(2042)}` }, { text: 'é'.repeat(2043) }],
    ['with U+0000', { text: '\\u0000' }, { text: '\u0000' }],
    ['with a lone surrogate', { text: '\ud83d\ude00' }, { text: '\ud83d' }],
    ['that are a list', { list: [] }, []],
    ['that are nothing', {}, undefined],
  ])('refuses claims %s, before there is a token', (_title, last, first) => {
    expect(checkOwnClaims(last as OwnClaims)).toEqual(last)
    expect(refusalOf(first)).toMatchObject({ code: 'claims_invalid' })
  })

  it('does not compile with a reserved claim', () => {
    const fine: OwnClaims = { plan: 'free', flags: ['a', { b: 1 }], nothing: null }
    expect(checkOwnClaims(fine)).toEqual(fine)
    // @ts-expect-error set by the issuer
    const tenant: OwnClaims = { tenant_id: 'x' }
    // @ts-expect-error set by the issuer
    const session: OwnClaims = { sid: 'x', plan: 'free' }
    // @ts-expect-error no JSON
    const date: OwnClaims = { at: new Date() }
    expect([tenant, session, date]).toHaveLength(3)
  })

  it('claims of an application are asked for before anything is stored', async () => {
    const { privateJwk } = await generateKey()
    const stored: string[] = []
    const client = {
      clientId: 'web',
      secretHash: undefined,
      grantTypes: ['refresh_token'],
      scopes: ['rows'],
      tenantId: undefined,
      role: undefined,
    }
    const person = { userId: 'u', tenantId: 't', role: 'member' }
    const store = {
      findClient: async () => client,
      findRefresh: async () => ({
        sid: 's',
        clientId: 'web',
        userId: 'u',
        scope: 'rows',
        used: false,
        expiresAt: 0,
        person,
      }),
      rotateRefresh: async () => {
        stored.push('rotated')
        return { outcome: 'rotated', person } as const
      },
    } as Partial<IssuerStore> as IssuerStore
    const issuer = createIssuer({
      issuer: 'https://id.example',
      audience: 'api',
      keys: fixedKeys(await importSigningKey(privateJwk)),
      store,
      claimsFor: () => {
        throw new Error('the table is gone')
      },
    })
    const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'web', refresh_token: 'x' })
    await expect(issuer.token(new Request('https://id.example/token', { method: 'POST', body }))).rejects.toThrow(
      'the table is gone',
    )
    expect(stored).toEqual([])
  })

  it.each([
    ['https://id.example', true],
    ['https://id.example/auth', true],
    ['http://127.0.0.1:8787', true],
    ['http://[::1]:8787', true],
    ['http://localhost', true],
    ['http://app.localhost:1', true],
    ['http://id.example', false],
    ['http://127.0.0.1.id.example', false],
    ['http://localhost.id.example', false],
    ['https://id.example/', false],
    ['https://id.example?x', false],
    ['https://id.example#x', false],
    ['https://me@id.example', false],
    ['ftp://id.example', false],
    ['id.example', false],
  ])('%s as an issuer: %s', (text, accepted) => {
    expect(isIssuerUrl(text)).toBe(accepted)
  })

  it('knows the names of this machine', () => {
    expect(['localhost', '127.0.0.1', '127.1.2.3', '[::1]'].every(isLoopback)).toBe(true)
    expect(['0.0.0.0', '10.0.0.1', 'example.com', '[::2]'].some(isLoopback)).toBe(false)
  })
})

describe('the options of an issuer', () => {
  const given = async () => ({
    issuer: 'https://id.example',
    audience: 'api',
    keys: fixedKeys(await importSigningKey((await generateKey()).privateJwk)),
    store: {} as IssuerStore,
  })

  it('SEC-31 say where its endpoints are, for the metadata', async () => {
    const issuer = createIssuer({ ...(await given()), paths: { token: '/oauth/token', jwks: '/keys' } })
    expect(await issuer.metadata()).toMatchObject({
      issuer: 'https://id.example',
      token_endpoint: 'https://id.example/oauth/token',
      revocation_endpoint: 'https://id.example/api/revoke',
      jwks_uri: 'https://id.example/keys',
    })
  })

  it.each([
    ['a name that is none', { accesSeconds: 60 }],
    ['a path without slash', { paths: { token: 'token' } }],
    ['a path with a query', { paths: { token: '/token?x' } }],
    ['a path of no endpoint', { paths: { authorize: '/authorize' } }],
    ['a lifetime of nothing', { idleSeconds: 0 }],
    ['a lifetime that is no number', { accessSeconds: '60' }],
    ['a longer token than there may be', { accessSeconds: 86_401 }],
    ['no audience', { audience: '' }],
    ['a plain http issuer', { issuer: 'http://id.example' }],
  ])('refuses %s', async (_title, wrong) => {
    const options = { ...(await given()), ...wrong }
    expect(() => createIssuer(options as unknown as Parameters<typeof createIssuer>[0])).toThrow(OptionError)
  })
})
