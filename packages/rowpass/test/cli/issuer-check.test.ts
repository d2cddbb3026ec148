import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { parseIssuers } from '../../src/gateway/issuers.ts'
import type { GeneratedKey } from '../../src/token/key.ts'
import { matchPresets } from '../../src/token/presets/match.ts'
import { expandPreset, presets } from '../../src/token/presets/presets.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import * as t from '../token/test-issuer.ts'

describe('rowpass issuer check', () => {
  let key: GeneratedKey
  let sandbox: Sandbox
  let issuer: t.TestServer

  beforeAll(async () => {
    key = await t.keyNamed('first')
  })
  beforeEach(() => {
    sandbox = createSandbox()
  })
  afterEach(async () => {
    sandbox.remove()
    await issuer.close()
  })

  /** Serves documents by path, with the origin in the place of `@`. */
  async function serve(documents: Record<string, unknown>): Promise<string> {
    issuer = await t.startServer((request, response) => {
      const document = documents[request.url ?? '']
      if (document === undefined) return response.writeHead(404).end()
      return response.end(JSON.stringify(document).replaceAll('@', issuer.url.origin))
    })
    return issuer.url.origin
  }

  async function check(target: string, token?: string) {
    if (token !== undefined) writeFileSync(join(sandbox.directory, 'token.txt'), `${token}\n`)
    const run = await sandbox.run([
      'issuer',
      'check',
      target,
      ...(token === undefined ? [] : ['--token', '@token.txt']),
    ])
    const [, entry = '[]'] = /^ROWPASS_ISSUERS='(.*)'$/m.exec(run.stdout) ?? []
    for (const part of token?.split('.') ?? []) expect(run.stdout + run.stderr).not.toContain(part)
    return { ...run, entry }
  }

  const now = () => Math.floor(Date.now() / 1000)
  const sign = (claims: t.Claims, header: t.Claims = {}) =>
    t.tokenOf(key, { iat: now(), exp: now() + 600, ...claims }, header)
  const metadata = { '/.well-known/openid-configuration': { issuer: '@/', jwks_uri: '@/keys' } }
  const set = () => ({ keys: [key.publicJwk] })

  it('finds metadata and keys, and the entry that it prints accepts the token', async () => {
    const origin = await serve({ ...metadata, '/keys': set() })
    const { code, stdout, entry } = await check(origin, sign({ iss: `${origin}/`, aud: 'shop' }, { typ: 'JWT' }))
    expect(stdout).toContain(`issuer  ${origin}/`)
    expect(stdout).toContain('no preset: these are plain settings')
    expect(stdout).toContain('1 that can be used, for ES256')
    expect(stdout).toContain('ACCEPTED: role authenticated')
    expect(code).toBe(0)
    expect(parseIssuers(entry)).toMatchObject([{ iss: `${origin}/`, audience: ['shop'], typ: ['jwt'] }])
  })

  it('names the preset, with what is in the token, and what that gives up', async () => {
    const origin = await serve({ '/.well-known/jwks.json': set() })
    const claims = { iss: origin, aud: 'web', mode: 'access', iat: undefined, exp: now() + 86_400 }
    const { code, stdout, entry } = await check(origin, sign(claims, { typ: 'JWT' }))
    expect(stdout).toContain('the preset OpenAuth')
    expect(JSON.parse(entry)).toEqual([{ provider: 'openauth', url: origin, client: 'web' }])
    expect(stdout).toContain('gives up, by iat_optional')
    expect([code, stdout]).toEqual([0, expect.stringContaining('ACCEPTED')])
  })

  it.each<[string, t.Claims, t.Claims, string]>([
    ['max_ttl_seconds', { exp: now() + 90_000 }, {}, 'the setting is max_ttl_seconds'],
    ['iat_optional', { iat: undefined }, {}, 'the setting is iat_optional'],
    ['tenant_type', { tenant_id: 'acme' }, {}, 'the setting is tenant_type'],
    ['algorithms', {}, { alg: 'HS256' }, 'Have the issuer sign with a key pair'],
    ['jwks_url', {}, { kid: 'another' }, 'the setting is jwks_url'],
    ['iss', { iss: 'https://elsewhere.example' }, {}, 'the setting is iss'],
    ['no setting', { iat: now() - 900, exp: now() - 300 }, {}, '"exp" has passed\n'],
  ])('names what stands in the way: %s', async (_, claims, header, says) => {
    const origin = await serve({ ...metadata, '/keys': set() })
    const { code, stdout } = await check(origin, sign({ iss: `${origin}/`, ...claims }, header))
    expect([code, stdout]).toEqual([1, expect.stringContaining('REFUSED')])
    expect(stdout).toContain(says)
  })

  it('says which keys cannot be used, and that an empty set is none', async () => {
    const origin = await serve({ ...metadata, '/keys': { keys: [{ ...key.publicJwk, use: 'enc' }] } })
    const run = await check(origin)
    expect([run.code, run.stdout]).toEqual([1, expect.stringContaining('"use" is not "sig"')])
  })

  it('sends a token nowhere', async () => {
    const origin = await serve({ ...metadata, '/keys': set() })
    const token = sign({ iss: `${origin}/` })
    await check(origin, token)
    for (const path of issuer.requests) expect(path).toMatch(/^\/(\.well-known\/openid-configuration|keys)$/)
  })

  it('believes no metadata of another issuer, and says where it has looked', async () => {
    const origin = await serve({ '/.well-known/openid-configuration': { issuer: '@/tenant', jwks_uri: '@/keys' } })
    expect(await check(origin)).toMatchObject({ code: 1, stderr: expect.stringContaining('keys_unavailable') })
    expect((await check('not a domain')).stderr).toContain('neither a URL nor a domain')
  })
})

describe('the preset that an issuer is one of', () => {
  it.each(Object.keys(presets))('is found for %s, with what its default token tells', (provider) => {
    const { parameters, token } = presets[provider]!
    for (const { iss, jwks_url: jwksUrl } of expandPreset({ provider, ...parameters })) {
      const claims = JSON.parse(
        JSON.stringify(token.claims).replaceAll(/\{(\w+)\}/g, (_, name) => parameters[name] ?? ''),
      )
      const matches = matchPresets({ iss: String(iss), jwksUrl: String(jwksUrl), claims })
      const match = matches.find(({ entry }) => entry.provider === provider)
      expect(match).toMatchObject({ entry: { provider, ...parameters }, missing: [] })
    }
  })

  it('is the one that gives up least, where several fit', () => {
    const iss = 'https://id.shop.example'
    const matches = matchPresets({ iss, jwksUrl: `${iss}/.well-known/jwks.json` })
    expect(matches.length).toBeGreaterThan(1)
    expect(matches[0]?.entry).toEqual({ provider: 'rowpass', url: iss })
  })
})
