/** The default token of each provider, by its preset alone: its own row through the gateway and the API, and nothing else. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { withConnection } from '../../packages/rowpass/src/database/connect.ts'
import { parseIssuers } from '../../packages/rowpass/src/gateway/issuers.ts'
import type { AcceptedAlgorithm } from '../../packages/rowpass/src/token/algorithms.ts'
import type { GeneratedKey } from '../../packages/rowpass/src/token/key.ts'
import { expandPreset, fillIn, presets } from '../../packages/rowpass/src/token/presets/presets.ts'
import { describePg } from '../../packages/rowpass/test/support/pg.ts'
import * as t from '../../packages/rowpass/test/token/test-issuer.ts'
import { type Stack, startStack } from './stack.ts'

const names = Object.keys(presets)
const presetOf = (name: string) => presets[name]!

describePg('the presets', () => {
  let keys: t.TestServer
  let stack: Stack

  beforeAll(async () => {
    // Each has a key set of its own, with the names that its tokens use.
    keys = await t.startServer(async (request, response) => {
      const name = request.url?.slice(1) ?? ''
      t.publish({ keys: [{ ...(await signerOf(name)).publicJwk, kid: presetOf(name).token.header.kid }] })(
        request,
        response,
      )
    })
    const entries = names.map((name) => ({
      provider: name,
      ...presetOf(name).parameters,
      jwks_url: new URL(`/${name}`, keys.url).href,
    }))
    stack = await startStack({ ROWPASS_ISSUERS: JSON.stringify(entries) })
    await withConnection(stack.database.superuserUrl, async (client) => {
      await client.query(`create policy by_subject on users for select to authenticated
        using (name = (select auth.session()->>'iss') || ' ' || (select auth.user_id()))`)
      const people = new Set(names.map((name) => personOf(claimsOf(name))))
      for (const [index, person] of [...people].entries()) {
        await client.query(
          'insert into users (tenant_id, name, email) select id, $1, $2 from tenants order by id limit 1',
          [person, `${index}@presets.test`],
        )
      }
    })
  })
  afterAll(async () => {
    await stack.close()
    await keys.close()
  })

  const signerOf = (name: string): Promise<GeneratedKey> => {
    const alg = presetOf(name).token.header.alg as AcceptedAlgorithm
    return t.keyNamed(`presets ${alg}`, alg)
  }
  const claimsOf = (name: string): t.Claims => {
    const { token, parameters } = presetOf(name)
    const now = Math.floor(Date.now() / 1000)
    const times = { ...(token.withoutIat ? {} : { iat: now }), exp: now + token.lifetimeSeconds }
    return { ...(fillIn(token.claims, parameters) as t.Claims), ...times }
  }
  const personOf = ({ iss, sub }: t.Claims) => `${iss} ${sub}`

  async function mint(
    name: string,
    claims: t.Claims = {},
    header: t.Claims = {},
    signer?: GeneratedKey,
  ): Promise<string> {
    const { token } = presetOf(name)
    return t.forge(signer ?? (await signerOf(name)), { ...token.header, ...header }, { ...claimsOf(name), ...claims })
  }

  async function rows(token: string): Promise<unknown> {
    const response = await fetch(stack.gatewayUrl, {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'neon-connection-string': stack.bindings.DATABASE_URL ?? '' },
      body: JSON.stringify({ query: 'select name from users', params: [] }),
    })
    const body = (await response.json()) as { rows?: { name: string }[]; hint?: string }
    return body.rows?.map((row) => row.name) ?? body.hint?.split(':', 1)[0]
  }

  async function people(token: string): Promise<unknown> {
    const response = await stack.request('/api/users', { headers: { authorization: `Bearer ${token}` } })
    const body = (await response.json()) as { users?: { name: string }[]; code?: string }
    return body.users?.map((user) => user.name) ?? body.code
  }

  it('are 25 providers and our own', () => {
    expect(names.length).toBeGreaterThanOrEqual(25)
  })

  describe.each(names)('%s', (name) => {
    it('its default token gets its row through the gateway and the API', async () => {
      const token = await mint(name)
      expect(await rows(token)).toEqual([personOf(claimsOf(name))])
      expect(await people(token)).toEqual([personOf(claimsOf(name))])
    })

    it('a token that differs in one thing gets none', async () => {
      const now = Math.floor(Date.now() / 1000)
      const { lifetimeSeconds } = presetOf(name).token
      const claims = claimsOf(name)
      const [entry = {}] = parseIssuers(JSON.stringify([{ provider: name, ...presetOf(name).parameters }]))
      const stranger = await t.keyNamed(
        `presets by a stranger ${(await signerOf(name)).alg}`,
        (await signerOf(name)).alg,
      )
      const wrong: Record<string, string> = {
        'another issuer': await mint(name, { iss: `${claims.iss}.evil.example` }),
        'a key of somebody else': await mint(name, {}, {}, stranger),
        'another typ': await mint(name, {}, { typ: 'logout+jwt' }),
        expired: await mint(name, { iat: now - lifetimeSeconds - 600, exp: now - 300 }),
        'too long a life': await mint(name, { exp: now + 31 * 86_400 }),
        'not for us': await mint(
          name,
          'audience' in entry && entry.audience !== false ? { aud: ['other'] } : { sub: null },
        ),
      }
      for (const condition of Object.keys('require' in entry ? (entry.require ?? {}) : {})) {
        wrong[`another ${condition}`] = await mint(name, { [condition]: 'other' })
      }
      const answers = await Promise.all(Object.entries(wrong).map(async ([what, token]) => [what, await rows(token)]))
      expect(answers.filter(([, answer]) => !['token_invalid', 'token_expired'].includes(answer as string))).toEqual([])
      expect(await people(wrong['another typ'] ?? '')).toBe('token_invalid')
    })
  })

  it.each(['entra-v2', 'entra-v1'])('a token of %s that lives for 28 hours gets its row', async (name) => {
    const now = Math.floor(Date.now() / 1000)
    const token = await mint(name, { iat: now - 60, nbf: now - 60, exp: now - 60 + 28 * 3600 })
    expect(await rows(token)).toEqual([personOf(claimsOf(name))])
  })
})

describe('a preset', () => {
  it('comes to plain settings, which what is written beside it replaces', () => {
    const [clerk] = parseIssuers('[{"provider":"clerk","domain":"clerk.shop.example","max_ttl_seconds":60}]')
    expect(clerk).toMatchObject({
      iss: 'https://clerk.shop.example',
      audience: false,
      maxTtlSeconds: 60,
      tenantClaim: 'o.id',
    })
    const [held] = parseIssuers('[{"provider":"clerk","domain":"c.example","require":{"azp":"https://app.example"}}]')
    expect(held).toMatchObject({ require: { azp: ['https://app.example'] } })
    expect(held?.audience).toBeUndefined()
  })

  it('takes lists for its parameters', () => {
    const [google] = parseIssuers('[{"provider":"google","client":["web","ios"]}]')
    expect(google?.audience).toEqual(['web', 'ios'])
  })

  it('may stand for several spellings of one issuer, or with "iss" for one', () => {
    const names = (text: string) => parseIssuers(text).map(({ iss }) => iss)
    expect(names('[{"provider":"workos","client":"client_1"}]')).toHaveLength(3)
    expect(names('[{"provider":"workos","client":"client_1","iss":"https://auth.example"}]')).toEqual([
      'https://auth.example',
    ])
  })

  it.each([
    [{ provider: 'okta' }, 'provider is not one of clerk'],
    [{ provider: 'toString' }, 'provider is not one of clerk'],
    [{ provider: 'clerk' }, 'clerk needs domain, such as "clerk.example.com"'],
    [{ provider: 'clerk', domain: '' }, 'clerk needs domain'],
    [{ provider: 'clerk', domain: [] }, 'clerk needs domain'],
    [{ provider: 'clerk', domain: 'https://c.example' }, 'domain is a host name without https:// and path'],
    [{ provider: 'auth0', domain: 'c.example/x', audience: 'a' }, 'auth0: domain is a host name'],
  ])('%j is refused', (entry, says) => {
    expect(() => expandPreset(entry)).toThrow(says)
  })

  it('with a setting that there is not is refused', () => {
    expect(() => parseIssuers('[{"provider":"clerk","domain":"c.example","origin":"x"}]')).toThrow(
      'origin is not a setting',
    )
  })
})
