/** What each setting of an issuer lets in, and that it lets in nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { IssuerSettings } from '../../src/token/issuer-settings.ts'
import type { GeneratedKey } from '../../src/token/key.ts'
import { createVerifier } from '../../src/token/verifier.ts'
import * as t from './test-issuer.ts'

let key: GeneratedKey
let server: t.TestServer

beforeAll(async () => {
  key = await t.keyNamed('first')
  server = await t.startServer(t.publish([key]))
})

afterAll(() => server.close())

const verifierWith = (...changes: Partial<IssuerSettings>[]) =>
  t.verifierOf(changes.map((change) => t.trusted(server.url, change)))

/** "accepted", or the reason why it is not. */
async function outcome(verifier: t.TestVerifier, claims: t.Claims, header: t.Claims = {}): Promise<string> {
  const token = t.tokenOf(key, claims, header)
  return Promise.resolve(verifier.verify(token)).then(
    () => 'accepted',
    (error) => error.cause.reason,
  )
}

type Row = readonly [title: string, settings: Partial<IssuerSettings>, claims: t.Claims, outcome: string]

const azp = 'https://app.example.com'
const thirtyDays = 2_592_000

const rows: Readonly<Record<string, readonly Row[]>> = {
  audience: [
    ['one of several', { audience: ['web', 'mobile'] }, { aud: 'mobile' }, 'accepted'],
    ['one of several in a list', { audience: ['web', 'mobile'] }, { aud: ['x', 'web'] }, 'accepted'],
    ['SEC-8 none of several', { audience: ['web', 'mobile'] }, { aud: 'rowpass' }, 'audience'],
    [
      'none, where a claim stands in its place',
      { audience: undefined, require: { azp } },
      { aud: undefined, azp },
      'accepted',
    ],
    ['an empty list there', { audience: undefined, require: { azp } }, { aud: [], azp }, 'accepted'],
    [
      'SEC-8 none, and another claim',
      { audience: undefined, require: { azp } },
      { aud: undefined, azp: `${azp}.evil.example` },
      'claim',
    ],
    ['SEC-8 none, and no claim', { audience: undefined, require: { azp } }, { aud: undefined }, 'claim'],
    [
      'SEC-8 none, and a claim of null',
      { audience: undefined, require: { azp } },
      { aud: undefined, azp: null },
      'claim',
    ],
    ['SEC-8 its own, and not the claim', { require: { azp } }, {}, 'claim'],
    ['SEC-8 the claim, and another audience', { require: { azp } }, { azp, aud: 'x' }, 'audience'],
    ['a claim that is a list', { require: { scp: ['rows'] } }, { scp: ['mail', 'rows'] }, 'accepted'],
    ['a claim that is a number', { require: { project: 7 } }, { project: 7 }, 'accepted'],
    ['SEC-8 a claim that is the text of a number', { require: { project: 7 } }, { project: '7' }, 'claim'],
    ['a nested claim', { require: { 'app.id': 'a' } }, { app: { id: 'a' } }, 'accepted'],
    ['SEC-8 a claim that every object has', { require: { 'constructor.name': 'Object' } }, {}, 'claim'],
    ['SEC-8 a name with a dot in place of a nested claim', { require: { 'app.id': 'a' } }, { 'app.id': 'a' }, 'claim'],
    ['none, and it is not looked at', { audience: false }, { aud: undefined }, 'accepted'],
    ['another, and it is not looked at', { audience: false }, { aud: 'x' }, 'accepted'],
  ],
  lifetime: [
    ['of 30 days', { maxTtlSeconds: thirtyDays }, { exp: t.NOW + thirtyDays }, 'accepted'],
    ['SEC-9 of more', { maxTtlSeconds: thirtyDays }, { exp: t.NOW + thirtyDays + 1 }, 'lifetime'],
    ['without iat', { iatOptional: true }, { iat: undefined }, 'accepted'],
    ['SEC-9 without iat, too long from now', { iatOptional: true }, { iat: undefined, exp: t.NOW + 3631 }, 'lifetime'],
    ['without iat, up to the limit from now', { iatOptional: true }, { iat: undefined, exp: t.NOW + 3630 }, 'accepted'],
    ['SEC-9 without iat, expired', { iatOptional: true }, { iat: undefined, exp: t.NOW - 30 }, 'expired'],
    ['SEC-9 without iat, not yet valid', { iatOptional: true }, { iat: undefined, nbf: t.NOW + 31 }, 'not_yet_valid'],
    ['SEC-9 with an iat of null', { iatOptional: true }, { iat: null }, 'time'],
    ['SEC-9 with iat and too long', { iatOptional: true }, { exp: t.NOW + 3601 }, 'lifetime'],
    ['SEC-9 without exp', { iatOptional: true }, { exp: undefined }, 'time'],
    ['within the leeway after exp', { leewaySeconds: 120 }, { iat: t.NOW - 600, exp: t.NOW - 119 }, 'accepted'],
    ['SEC-9 after it', { leewaySeconds: 120 }, { iat: t.NOW - 600, exp: t.NOW - 120 }, 'expired'],
    ['SEC-9 without any leeway', { leewaySeconds: 0 }, { iat: t.NOW - 600, exp: t.NOW }, 'expired'],
    ['SEC-9 from the future without leeway', { leewaySeconds: 0 }, { iat: t.NOW + 1 }, 'not_yet_valid'],
  ],
  size: [
    [
      'of 11 KB',
      { maxTokenBytes: 16_384 },
      { groups: Array.from({ length: 199 }, () => crypto.randomUUID()) },
      'accepted',
    ],
    [
      'SEC-16 of 11 KB without the setting',
      {},
      { groups: Array.from({ length: 199 }, () => crypto.randomUUID()) },
      'size',
    ],
    ['SEC-16 of 16 KB and more', { maxTokenBytes: 16_384 }, { groups: 'x'.repeat(12_300) }, 'size'],
    ['SEC-16 over a limit that is lower', { maxTokenBytes: 400 }, { note: 'x'.repeat(200) }, 'size'],
  ],
}

describe.each(Object.entries(rows))('a token’s %s', (_, cases) => {
  it.each(cases)('%s', async (_title, settings, claims, expected) => {
    expect(await outcome(verifierWith(settings), claims)).toBe(expected)
  })
})

describe('the tenant', () => {
  it.each<[Partial<IssuerSettings>, t.Claims, string | number | undefined]>([
    [{ tenantType: 'text' }, { tenant_id: 'acme' }, 'acme'],
    [{ tenantType: 'integer' }, { tenant_id: 7 }, 7],
    [{ tenantType: 'integer' }, { tenant_id: '7' }, '7'],
    [{ tenantType: 'any' }, { tenant_id: null }, undefined],
    [{ tenantType: 'any' }, { tenant_id: { id: 'acme' } }, undefined],
    [{ tenantClaim: 'org_id', tenantType: 'text' }, { org_id: 'org_1', tenant_id: 'x' }, 'org_1'],
    [{ tenantClaim: 'organization.id', tenantType: 'text' }, { organization: { id: 'org_1' } }, 'org_1'],
    [{ tenantClaim: 'o.id', tenantType: 'text' }, { o: null }, undefined],
    [{ tenantClaim: 'https://example.com/tenant', tenantType: 'text' }, { 'https://example.com/tenant': 'a' }, 'a'],
    [{ tenantClaim: ['app.example', 'tenant'], tenantType: 'text' }, { 'app.example': { tenant: 'a' } }, 'a'],
    [{ tenantClaim: 'organization.id' }, { organization: { id: t.TENANT } }, t.TENANT],
    [{ tenantClaim: 'toString', tenantType: 'any' }, {}, undefined],
  ])('by %j of %j is %j', async (settings, claims, tenant) => {
    const verified = await verifierWith(settings).verify(t.tokenOf(key, { tenant_id: undefined, ...claims }))
    expect(verified.tenant).toBe(tenant)
  })

  it.each<[Partial<IssuerSettings>, t.Claims]>([
    [{ tenantClaim: 'org_id' }, { org_id: 'acme' }],
    [{ tenantType: 'integer' }, { tenant_id: 7.5 }],
    [{ tenantType: 'integer' }, { tenant_id: 'acme' }],
    [{ tenantType: 'text' }, { tenant_id: 7 }],
  ])('SEC-11 by %j is not %j', async (settings, claims) => {
    expect(await outcome(verifierWith(settings), claims)).toBe('tenant')
  })
})

describe('the database role by a path', () => {
  const settings = { roleClaim: 'realm_access.roles', roles: ['admin', 'authenticated'] }

  it.each<[unknown, string]>([
    ['authenticated', 'authenticated'],
    [['offline_access', 'authenticated'], 'authenticated'],
    [['authenticated', 'admin'], 'admin'],
  ])('is found in %j', async (roles, role) => {
    expect(await verifierWith(settings).verify(t.tokenOf(key, { realm_access: { roles } }))).toMatchObject({ role })
  })

  it.each([[['postgres']], [[]], [[['admin']]], ['admin,postgres'], [{ admin: true }], [undefined]])(
    'is no other than those that are listed: %j',
    async (roles) => {
      expect(await outcome(verifierWith(settings), { realm_access: { roles } })).toBe('role')
    },
  )
})

describe('two entries of one issuer', () => {
  const byAudience = [{ audience: 'web' }, { audience: ['mobile', 'tv'], role: 'anonymous' }] as const
  const byClaim = [
    { audience: 'app', require: { token_use: 'id' } },
    { audience: undefined, require: { token_use: 'access', client_id: 'app' }, role: 'anonymous' },
  ] as const

  it.each<[readonly Partial<IssuerSettings>[], t.Claims, string]>([
    [byAudience, { aud: 'web' }, 'authenticated'],
    [byAudience, { aud: ['x', 'tv'] }, 'anonymous'],
    [byAudience, { aud: ['tv', 'web'] }, 'authenticated'],
    [byClaim, { aud: 'app', token_use: 'id' }, 'authenticated'],
    [byClaim, { aud: undefined, token_use: 'access', client_id: 'app' }, 'anonymous'],
  ])('%j: %j has the role %s', async (entries, claims, role) => {
    expect(await verifierWith(...entries).verify(t.tokenOf(key, claims))).toMatchObject({ role })
  })

  it.each<[readonly Partial<IssuerSettings>[], t.Claims, string]>([
    [byAudience, { aud: 'x' }, 'audience'],
    [byClaim, { aud: undefined, token_use: 'access', client_id: 'other' }, 'audience'],
    [byClaim, { aud: 'other', token_use: 'id' }, 'audience'],
  ])('SEC-8 %j: %j fits neither', async (entries, claims, reason) => {
    expect(await outcome(verifierWith(...entries), claims)).toBe(reason)
  })

  it('SEC-7 share the keys, and each holds to its own rules', async () => {
    const before = server.requests.length
    const verifier = verifierWith({ audience: 'web', typ: ['JWT'] }, { audience: 'mobile' })
    expect(await outcome(verifier, { aud: 'mobile' })).toBe('accepted')
    expect(await outcome(verifier, { aud: 'web' })).toBe('typ')
    expect(await outcome(verifier, { aud: 'web' }, { typ: 'JWT' })).toBe('accepted')
    expect(server.requests.length - before).toBe(1)
  })

  it.each<[readonly Partial<IssuerSettings>[]]>([
    [[{ audience: 'web' }, { audience: ['web', 'mobile'] }]],
    [[{ audience: 'web' }, { audience: false }]],
    [[{ audience: 'web' }, { audience: undefined, require: { azp } }]],
    [[{ require: { a: '1' } }, { require: { b: '2' } }]],
  ])('are refused where a token may fit both: %j', (entries) => {
    expect(() => verifierWith(...entries)).toThrow('a token may fit both')
  })
})

describe('algorithms of 384 and 512 bits', () => {
  it.each(['ES384', 'ES512', 'RS384', 'RS512', 'PS384', 'PS512'] as const)(
    'SEC-1 %s verifies where it is listed, and nowhere else',
    async (alg) => {
      const signer = await t.keyNamed(alg, alg)
      const other = await t.startServer(t.publish({ keys: [signer.publicJwk] }))
      const token = t.tokenOf(signer)
      const listed = t.verifierOf([t.trusted(other.url, { algorithms: [alg] })])
      expect(await listed.verify(token)).toMatchObject({ sub: 'david', kid: signer.kid })
      const usual = t.verifierOf([t.trusted(other.url, { algorithms: undefined })])
      expect(await t.refusalOf(usual, token)).toMatchObject({ reason: 'algorithm' })
      await other.close()
    },
  )

  it('Ed25519 is a name of EdDSA', async () => {
    const signer = await t.keyNamed('EdDSA', 'EdDSA')
    const other = await t.startServer(t.publish([signer]))
    const verifier = t.verifierOf([t.trusted(other.url, { algorithms: ['Ed25519'] })])
    expect(await verifier.verify(t.tokenOf(signer, {}, { alg: 'Ed25519' }))).toMatchObject({ sub: 'david' })
    await other.close()
  })

  it('SEC-3 HS256 is refused with the reason and the way out, for the operator alone', async () => {
    const failure = await Promise.resolve(verifierWith({}).verify(t.tokenOf(key, {}, { alg: 'HS256' }))).catch((e) => e)
    expect(failure.cause.message).toContain('signed with a secret')
    expect(failure.cause.message).toContain('Have the issuer sign with a key pair')
    expect(`${failure.message}${failure.detail}`).toBe('The token was refusedundefined')
  })
})

describe('tokens and keys without kid', () => {
  it.each<[string, (key: GeneratedKey, other: GeneratedKey) => unknown[], t.Claims, string]>([
    ['a token without kid, one usable key', (a, b) => [a.publicJwk, { ...b.publicJwk, use: 'enc' }], {}, 'accepted'],
    ['a token without kid, two usable keys', (a, b) => [a.publicJwk, b.publicJwk], {}, 'key_unknown'],
    ['a token without kid, another key', (_, b) => [b.publicJwk], {}, 'signature'],
    ['a token with a kid, one key without', (a) => [{ ...a.publicJwk, kid: undefined }], { kid: 'any' }, 'accepted'],
    ['a token with a kid, a key of another', (a) => [a.publicJwk], { kid: 'any' }, 'key_unknown'],
  ])('%s: %s', async (_, members, header, expected) => {
    const other = await t.startServer(t.publish({ keys: members(key, await t.keyNamed('second')) }))
    const verifier = t.verifierOf([t.trusted(other.url)])
    expect(await outcome(verifier, {}, { kid: undefined, ...header })).toBe(expected)
    await other.close()
  })

  it('SEC-7 a doubled kid refuses its own tokens, and says so, and no other', async () => {
    const other = await t.keyNamed('second')
    const third = await t.keyNamed('third')
    const members = [key.publicJwk, key.publicJwk, other.publicJwk, { ...third.publicJwk, kid: other.kid }]
    const doubled = await t.startServer(t.publish({ keys: members }))
    const verifier = t.verifierOf([t.trusted(doubled.url)])
    expect(await verifier.verify(t.tokenOf(key))).toMatchObject({ sub: 'david' })
    const failure = await Promise.resolve(verifier.verify(t.tokenOf(other))).catch((error) => error)
    expect(failure.cause).toMatchObject({ reason: 'key_unknown' })
    expect(failure.cause.message).toContain(`kid "${other.kid}" is that of several keys`)
    expect(verifier.events).toContainEqual(
      expect.objectContaining({ type: 'jwks_loaded', problems: [expect.stringContaining('several keys')] }),
    )
    await doubled.close()
  })
})

describe('keys that cannot be had', () => {
  it.each<[string, t.Handler, string]>([
    ['are refused', t.refuseAll, 'cannot be fetched at the moment'],
    [
      'are a web page',
      (_, response) => response.end('<html>'),
      'was fetched and cannot be used: the answer is a web page',
    ],
    [
      'are a discovery document',
      t.publish({ jwks_uri: 'https://a.example/jwks' }),
      'the answer is a discovery document',
    ],
  ])('do not make a token invalid: they %s', async (_, handler, says) => {
    const away = await t.startServer(handler)
    const verifier = t.verifierOf([t.trusted(away.url)])
    const failure = await Promise.resolve(verifier.verify(t.tokenOf(key))).catch((error) => error)
    expect(failure).toMatchObject({
      code: 'keys_unavailable',
      spec: { status: 503 },
      cause: { reason: 'keys_unavailable' },
    })
    expect(failure.cause.message).toContain(says)
    expect(verifier.events).toContainEqual(
      expect.objectContaining({ type: 'jwks_failed', problem: expect.any(String) }),
    )
    await away.close()
  })

  it('SEC-18 an unknown key of an issuer that answers is the token’s fault', async () => {
    const stranger = await t.keyNamed('stranger')
    expect(await t.refusalOf(verifierWith({}), t.tokenOf(stranger))).toEqual({
      code: 'token_invalid',
      reason: 'key_unknown',
    })
  })
})

describe('discovery', () => {
  /** Serves metadata at one path, and the keys. */
  async function startIssuer(path: string, metadata: (origin: string) => object): Promise<t.TestServer> {
    const issuer = await t.startServer((request, response) => {
      if (request.url === '/keys') return t.publish([key])(request, response)
      if (request.url === path) return response.end(JSON.stringify(metadata(issuer.url.origin)))
      return response.writeHead(404).end()
    })
    return issuer
  }

  const trust = (iss: string) => t.verifierOf([{ iss, audience: 'rowpass' }])
  const says = (iss: string) =>
    Promise.resolve(trust(iss).verify(t.tokenOf(key, { iss }))).catch(({ cause }) => cause.message)

  it.each([
    ['', '/.well-known/openid-configuration'],
    ['/', '/.well-known/openid-configuration'],
    ['/realms/shop', '/realms/shop/.well-known/openid-configuration'],
    ['', '/.well-known/oauth-authorization-server'],
    ['/realms/shop', '/.well-known/oauth-authorization-server/realms/shop'],
  ])('finds the keys of an issuer at "%s" by %s', async (path, place) => {
    const issuer = await startIssuer(place, (origin) => ({ issuer: `${origin}${path}`, jwks_uri: `${origin}/keys` }))
    const iss = `${issuer.url.origin}${path}`
    expect(await trust(iss).verify(t.tokenOf(key, { iss }))).toMatchObject({ iss, sub: 'david' })
    await issuer.close()
  })

  it.each<[string, (origin: string) => object, string]>([
    ['of another issuer', (origin) => ({ issuer: `${origin}/`, jwks_uri: `${origin}/keys` }), 'is of the issuer'],
    ['without issuer', (origin) => ({ jwks_uri: `${origin}/keys` }), 'is of the issuer none'],
    ['without keys', (issuer) => ({ issuer }), 'has no jwks_uri'],
    ['with keys in a private network', (issuer) => ({ issuer, jwks_uri: 'https://10.0.0.1/keys' }), 'private network'],
    [
      'with keys at the metadata of a cloud',
      (issuer) => ({ issuer, jwks_uri: 'http://169.254.169.254/' }),
      'no keys are fetched',
    ],
    ['with keys by plain http', (issuer) => ({ issuer, jwks_uri: 'http://id.example.com/keys' }), 'not https'],
    ['that is a list', () => [], 'is of the issuer none'],
  ])('SEC-28 believes no metadata %s', async (_, metadata, message) => {
    const issuer = await startIssuer('/.well-known/openid-configuration', metadata)
    expect(await says(issuer.url.origin)).toContain(message)
    await issuer.close()
  })

  it('SEC-28 leads a public issuer nowhere near, whatever is allowed', async () => {
    const iss = 'https://id.example.com'
    for (const jwks_uri of ['http://127.0.0.1:1/keys', 'https://vault.internal/keys']) {
      const fetch = async () => Response.json({ issuer: iss, jwks_uri })
      const verifier = createVerifier([{ iss, audience: 'rowpass' }], {
        fetch,
        now: () => t.nowMs,
        allowPrivateNetwork: true,
      })
      const failure = await Promise.resolve(verifier.verify(t.tokenOf(key, { iss }))).catch((error) => error)
      expect(failure.cause.message).toContain('nearer than the issuer')
    }
  })

  it('says where it has looked', async () => {
    const issuer = await t.startServer((_, response) => response.writeHead(404).end())
    expect(await says(issuer.url.origin)).toMatch(
      /no metadata at .*openid-configuration or .*oauth-authorization-server: set jwks_url/,
    )
    await issuer.close()
  })

  it('is not possible for an iss that is no URL', () => {
    expect(() => trust('my-issuer')).toThrow('jwksUrl is missing, and iss is no URL')
  })
})

describe('createVerifier with one issuer', () => {
  it('takes issuer, jwksUrl and audience, and nothing else', async () => {
    const now = Math.floor(Date.now() / 1000)
    const verifier = createVerifier({ issuer: t.ISS, jwksUrl: server.url.href, audience: 'rowpass' })
    const token = t.tokenOf(key, { iat: now, exp: now + 60 })
    const verified = await verifier.verify(token)
    expect(verified).toMatchObject({ iss: t.ISS, sub: 'david', role: 'authenticated' })
    expect(verifier.verify(token)).toBe(verified)
    await expect(verifier.verify(t.tokenOf(key, { iat: now, exp: now + 60, aud: 'x' }))).rejects.toMatchObject({
      code: 'token_invalid',
    })
  })

  it('takes settings and options beside them', async () => {
    const verifier = createVerifier({
      issuer: t.ISS,
      jwksUrl: server.url,
      audience: false,
      typ: ['JWT'],
      now: () => t.nowMs,
    })
    expect(await verifier.verify(t.tokenOf(key, { aud: 'x' }, { typ: 'JWT' }))).toMatchObject({ sub: 'david' })
    expect(() => createVerifier({ issuer: t.ISS, jwksUrl: server.url, audience: 'a', cacheSize: -1 })).toThrow(
      'cacheSize',
    )
    expect(() => createVerifier({ issuer: t.ISS, jwksUrl: server.url, audience: 'a', skew: 1 } as never)).toThrow(
      'skew is not a setting',
    )
  })
})

describe('what settings give up', () => {
  it('SEC-8 SEC-11 SEC-16 is announced, by setting', () => {
    const settings = { audience: false, maxTtlSeconds: thirtyDays, iatOptional: true, leewaySeconds: 120 } as const
    const { events } = verifierWith({
      ...settings,
      maxTokenBytes: 16_384,
      maxJwksBytes: 1_048_576,
      tenantType: 'any',
      typ: ['JWT'],
    })
    const [event] = events
    expect(events).toHaveLength(1)
    expect(event?.type === 'issuer_loosened' && Object.keys(event.givesUp)).toEqual([
      'audience',
      'typ',
      'max_ttl_seconds',
      'iat_optional',
      'leeway_seconds',
      'max_token_bytes',
      'max_jwks_bytes',
      'tenant_type',
    ])
  })

  it('is said of a claim in the place of the audience', () => {
    const [event] = verifierWith({ audience: undefined, require: { azp } }).events
    expect(event).toMatchObject({ type: 'issuer_loosened', givesUp: { audience: expect.stringContaining('azp') } })
  })

  it('is nothing with the defaults', () => {
    expect(verifierWith({}).events).toEqual([])
  })
})
