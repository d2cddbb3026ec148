import { describe, expect, it } from 'vitest'
import type { IssuerSettings } from '../../src/token/issuer-settings.ts'
import { createVerifier, type VerifierOptions } from '../../src/token/verifier.ts'
import * as t from './test-issuer.ts'

const url = new URL('https://issuer.example/jwks.json')

const create = (change: Partial<IssuerSettings> = {}, options: Partial<VerifierOptions> = {}) =>
  createVerifier([t.trusted(url, change)], { sha256: t.sha256, ...options })

describe('a verifier', () => {
  it.each<[string, Partial<IssuerSettings>]>([
    ['iss', { iss: '' }],
    ['audience', { audience: '' }],
    ['algorithms', { algorithms: [] }],
    ['algorithms', { algorithms: ['HS256' as never] }],
    ['algorithms', { algorithms: ['ES256', 'none' as never] }],
    ['HS256 is signed with a secret', { algorithms: ['HS256' as never] }],
    ['typ', { typ: [] }],
    ['"*"', { typ: ['*'] }],
    ['audience', { audience: undefined }],
    ['audience', { audience: [] }],
    ['audience', { audience: true as never }],
    ['require', { require: {} }],
    ['require', { require: { azp: [] } }],
    ['require', { require: { azp: null as never } }],
    ['require', { require: { 'roles[]': 'a' } }],
    ['SEC-9 leewaySeconds', { leewaySeconds: 121 }],
    ['leewaySeconds', { leewaySeconds: -1 }],
    ['leewaySeconds', { leewaySeconds: Number.NaN }],
    ['iatOptional', { iatOptional: 'yes' as never }],
    ['SEC-9 maxTtlSeconds', { maxTtlSeconds: 2_592_001 }],
    ['SEC-16 maxTokenBytes', { maxTokenBytes: 16_385 }],
    ['SEC-28 maxJwksBytes', { maxJwksBytes: 1_048_577 }],
    ['tenantClaim', { tenantClaim: [] }],
    ['tenantClaim', { tenantClaim: 'a..b' }],
    ['tenantClaim', { tenantClaim: '$.organization.id' }],
    ['tenantType', { tenantType: 'slug' as never }],
    ['maxTtlSeconds', { maxTtlSeconds: 0 }],
    ['maxTtlSeconds', { maxTtlSeconds: Number.NaN }],
    ['maxTtlSeconds', { maxTtlSeconds: Number.POSITIVE_INFINITY }],
    ['role', { role: '' }],
    ['role', { role: 'a'.repeat(64) }],
    ['roleClaim', { roleClaim: '', roles: ['a'] }],
    ['roles', { roleClaim: 'role', roles: [] }],
    ['roles', { roleClaim: 'role', roles: ['a', ''] }],
    ['SEC-82 scopes', { scopes: { 'db.read': 'sql:rea' } }],
    ['SEC-82 scopes', { scopes: { 'db.read': 7 as never } }],
    ['SEC-82 scopes', { scopes: ['sql:read'] as never }],
    ['scopeClaim', { scopeClaim: 'a..b' }],
    ['jwksUrl', { jwksUrl: 'issuer.example' }],
    ['https', { jwksUrl: new URL('http://issuer.example/') }],
  ])('refuses a wrong %s in the configuration of an issuer', (member, change) => {
    expect(() => create(change)).toThrow(TypeError)
    expect(() => create(change)).toThrow(member.replace(/^SEC-\d+ /, ''))
  })

  it('refuses one issuer configured twice', () => {
    expect(() => createVerifier([t.trusted(url), t.trusted(url)], { sha256: t.sha256 })).toThrow('configured twice')
  })

  it.each<[string, Partial<VerifierOptions>]>([
    ['cacheSize', { cacheSize: -1 }],
    ['cacheSize', { cacheSize: 1.5 }],
    ['maxStaleSeconds', { maxStaleSeconds: 599 }],
    ['maxStaleSeconds', { maxStaleSeconds: 86_401 }],
    ['sha256', { sha256: 'sha256' as never }],
  ])('%s out of range is refused', (title, options) => {
    expect(() => create({}, options)).toThrow(TypeError)
    expect(() => create({}, options)).toThrow(title.replace(/^SEC-\d+ /, ''))
  })

  it('is not changed by a later change of the objects it was made from', async () => {
    const key = await t.keyNamed('first')
    const server = await t.startServer(t.publish([key]))
    const roles = ['reader']
    const verifier = t.verifierOf([t.trusted(server.url, { roleClaim: 'role', roles })])
    roles.push('postgres')
    expect(await t.refusalOf(verifier, t.tokenOf(key, { role: 'postgres' }))).toMatchObject({ reason: 'role' })
    await server.close()
  })
})
