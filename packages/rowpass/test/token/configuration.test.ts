import { describe, expect, it } from 'vitest'
import type { TrustedIssuer } from '../../src/token/issuer-config.ts'
import { createVerifier, type VerifierOptions } from '../../src/token/verifier.ts'
import * as t from './test-issuer.ts'

const url = new URL('https://issuer.example/jwks.json')

const create = (change: Partial<TrustedIssuer> = {}, options: Partial<VerifierOptions> = {}) =>
  createVerifier([t.trusted(url, change)], { sha256: t.sha256, ...options })

describe('a verifier', () => {
  it.each<[string, Partial<TrustedIssuer>]>([
    ['iss', { iss: '' }],
    ['audience', { audience: '' }],
    ['algorithms', { algorithms: [] }],
    ['algorithms', { algorithms: ['HS256' as never] }],
    ['algorithms', { algorithms: ['ES256', 'none' as never] }],
    ['typ', { typ: [] }],
    ['maxTtlSeconds', { maxTtlSeconds: 0 }],
    ['maxTtlSeconds', { maxTtlSeconds: Number.NaN }],
    ['maxTtlSeconds', { maxTtlSeconds: Number.POSITIVE_INFINITY }],
    ['role', { role: '' }],
    ['role', { role: 'a'.repeat(64) }],
    ['roleClaim', { roleClaim: '', roles: ['a'] }],
    ['roles', { roleClaim: 'role', roles: [] }],
    ['roles', { roleClaim: 'role', roles: ['a', ''] }],
    ['jwksUrl', { jwksUrl: 'https://issuer.example/' as never }],
    ['https', { jwksUrl: new URL('http://issuer.example/') }],
  ])('refuses a wrong %s in the configuration of an issuer', (member, change) => {
    expect(() => create(change)).toThrow(TypeError)
    expect(() => create(change)).toThrow(member)
  })

  it('refuses one issuer configured twice', () => {
    expect(() => createVerifier([t.trusted(url), t.trusted(url)], { sha256: t.sha256 })).toThrow('configured twice')
  })

  it.each<[string, Partial<VerifierOptions>]>([
    ['SEC-9 skewSeconds', { skewSeconds: 61 }],
    ['skewSeconds', { skewSeconds: -1 }],
    ['skewSeconds', { skewSeconds: Number.NaN }],
    ['cacheSize', { cacheSize: -1 }],
    ['cacheSize', { cacheSize: 1.5 }],
    ['maxStaleSeconds', { maxStaleSeconds: 599 }],
    ['maxStaleSeconds', { maxStaleSeconds: 86_401 }],
    ['sha256', { sha256: undefined as never }],
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
