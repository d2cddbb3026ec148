import { createHash } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startWhyEndpoint, type WhyEndpoint } from '../../packages/local/src/why-endpoint.ts'
import { parseIssuers } from '../../packages/rowpass/src/gateway/issuers.ts'
import { createVerifier } from '../../packages/rowpass/src/token/verifier.ts'
import { describePg } from '../../packages/rowpass/test/support/pg.ts'
import { parseSettings } from '../src/env.ts'
import { findPersona } from '../src/personas.ts'
import { askApp } from './conform.ts'
import { type Stack, startStack } from './stack.ts'

const mei = '07bed1a4-91e7-4570-ab05-ff128e872801'
const neon = 'f330c503-5e9c-46a7-8393-2995aeb03675'
const nobody = '00000000-0000-4000-8000-000000000000'

describePg('the reason in an answer of the API', () => {
  let stack: Stack
  let endpoint: WhyEndpoint
  let tokens: Record<'david' | 'amara', string>

  beforeAll(async () => {
    stack = await startStack()
    const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')
    const verifier = createVerifier(parseIssuers(stack.issuers), { sha256, allowPrivateNetwork: true })
    endpoint = await startWhyEndpoint({ databaseUrl: stack.database.superuserUrl, verifier })
    const sign = (name: string) => stack.sign(findPersona(`${name}@neon.example`)!)
    tokens = { david: await sign('david'), amara: await sign('amara') }
  })
  afterAll(async () => {
    await endpoint.close()
    await stack.close()
  })

  const request = (
    path: string,
    who: 'david' | 'amara',
    init: RequestInit = {},
    bindings: object = endpoint.bindings,
  ) =>
    askApp(
      path,
      { ...init, headers: { authorization: `Bearer ${tokens[who]}`, 'content-type': 'application/json' } },
      { ...stack.bindings, ...bindings },
    )

  const body = (value: unknown) => JSON.stringify(value)

  it.each<[string, 'david' | 'amara', RequestInit, number, RegExp, RegExp]>([
    [
      `/api/users/${mei}`,
      'david',
      {},
      404,
      /1 row of public.users is hidden from authenticated by users_select/,
      /users: 1 row hidden by users_select/,
    ],
    [`/api/users/${nobody}`, 'david', {}, 404, /No such row exists/, /no rows/],
    [
      `/api/users/${mei}`,
      'david',
      { method: 'PATCH', body: body({ name: 'M' }) },
      404,
      /hidden from authenticated by users_update \(UPDATE\)/,
      /users_select/,
    ],
    [
      '/api/users',
      'david',
      { method: 'POST', body: body({ tenantId: neon, email: 'a@b.example', name: 'A' }) },
      403,
      /refused by users_insert/,
      /row refused/,
    ],
  ])('is the hint of a problem: %s as %s', async (path, who, init, status, hint, header) => {
    const answer = await request(path, who, init)
    const problem = await answer.json()
    expect([answer.status, problem.status]).toEqual([status, status])
    expect(problem.hint).toMatch(hint)
    expect(answer.headers.get('Server-Timing')).toMatch(header)
    expect(answer.headers.get('Content-Type')).toBe('application/problem+json')
  })

  it('is in the header of a list, with numbers and names alone', async () => {
    const answer = await request('/api/users', 'david')
    expect(answer.headers.get('Server-Timing')).toMatch(/^why;dur=\d+;desc="users: 11 rows hidden by users_select"$/)
    expect(await answer.json()).toEqual({ users: [expect.objectContaining({ name: 'David' })] })
  })

  it('is not given where nothing was refused', async () => {
    const answer = await request(`/api/users/${mei}`, 'amara')
    expect(answer.status).toBe(200)
    expect(answer.headers.has('Server-Timing')).toBe(false)
  })

  it('is not given without the bindings, and nobody is asked', async () => {
    const answer = await request(`/api/users/${mei}`, 'david', {}, {})
    expect(answer.headers.has('Server-Timing')).toBe(false)
    expect(await answer.json()).toMatchObject({ code: 'not_found' })
  })

  it('is left out when the one who knows is gone, and the header says so', async () => {
    const answer = await request(
      `/api/users/${mei}`,
      'david',
      {},
      { ...endpoint.bindings, WHY_URL: 'http://127.0.0.1:1/' },
    )
    expect(answer.status).toBe(404)
    expect((await answer.json()).hint).toBeUndefined()
    expect(answer.headers.get('Server-Timing')).toMatch(/^why;dur=\d+;desc="not known: rowpass dev does not answer"$/)
  })

  it('is left out when the one who knows refuses, and the header says so', async () => {
    const answer = await request('/api/users', 'david', {}, { ...endpoint.bindings, WHY_SECRET: 'another' })
    expect(answer.status).toBe(200)
    expect(answer.headers.get('Server-Timing')).toMatch(/^why;dur=\d+;desc="not known: rowpass dev answers 403"$/)
  })

  describe('the endpoint', () => {
    const ask = (init: RequestInit = {}, secret = endpoint.bindings.WHY_SECRET) =>
      fetch(endpoint.bindings.WHY_URL, { method: 'POST', ...init, headers: { authorization: `Bearer ${secret}` } })
    const question = (changes: object = {}) =>
      body({ token: tokens.david, query: 'select * from users', params: [], ...changes })

    it('listens on loopback, with a secret of its own each time', async () => {
      expect(new URL(endpoint.bindings.WHY_URL).hostname).toBe('127.0.0.1')
      expect(endpoint.bindings.WHY_SECRET).toMatch(/^[\w-]{43}$/)
    })

    it('answers a question', async () => {
      const answer = await ask({ body: question() })
      expect([answer.status, await answer.json()]).toMatchObject([
        200,
        { summary: 'users: 11 rows hidden by users_select' },
      ])
    })

    it.each<[string, number, () => Promise<Response>]>([
      ['another secret', 403, () => ask({ body: question() }, 'x'.repeat(43))],
      ['no secret', 403, () => fetch(endpoint.bindings.WHY_URL, { method: 'POST', body: question() })],
      ['another method', 403, () => ask({ method: 'GET' })],
      ['a text that is no JSON', 400, () => ask({ body: '{' })],
      ['a question with more in it', 400, () => ask({ body: question({ role: 'postgres' }) })],
      ['a body that is too long', 400, () => ask({ body: question({ query: 'x'.repeat(70_000) }) })],
      ['a token that is not valid', 401, () => ask({ body: question({ token: `${tokens.david}x` }) })],
      ['a statement that is none', 503, () => ask({ body: question({ query: 'drop table users' }) })],
    ])('refuses %s', async (_, status, send) => {
      expect((await send()).status).toBe(status)
    })

    it('does not say that a token is not valid when the keys of its issuer cannot be reached', async () => {
      const [issuer] = JSON.parse(stack.issuers)
      const unreachable = JSON.stringify([{ ...issuer, jwks_url: 'http://127.0.0.1:1/' }])
      const sha256 = (text: string) => createHash('sha256').update(text).digest('base64')
      const verifier = createVerifier(parseIssuers(unreachable), { sha256, allowPrivateNetwork: true })
      const other = await startWhyEndpoint({ databaseUrl: stack.database.superuserUrl, verifier })
      const headers = { authorization: `Bearer ${other.bindings.WHY_SECRET}` }
      const answer = await fetch(other.bindings.WHY_URL, { method: 'POST', headers, body: question() })
      expect(answer.status).toBe(503)
      await other.close()
    })

    it('answers two questions at a time', async () => {
      const slow = question({ query: 'select pg_sleep(0.4) from users' })
      const statuses = await Promise.all([1, 2, 3, 4].map(async () => (await ask({ body: slow })).status))
      expect(statuses.filter((status) => status === 503).length).toBeGreaterThanOrEqual(2)
    })
  })
})

describe('the settings of the reason', () => {
  const valid = { DATABASE_URL: 'postgresql://authenticated@h/d' }
  const why = { WHY_URL: 'http://127.0.0.1:5/', WHY_SECRET: 's' }

  it('are refused where DEMO is not true', async () => {
    await expect(parseSettings({ ...valid, ...why })).rejects.toThrow('WHY_URL and WHY_SECRET are for development')
    await expect(parseSettings({ ...valid, WHY_SECRET: 's', DEMO: 'false' })).rejects.toThrow('for development')
  })

  it.each([
    'http://example.com/',
    'https://127.0.0.1/',
    'http://127.0.0.1.example.com/',
    'http://u:p@127.0.0.1/',
    'file:///x',
  ])('are refused for %s', async (url) => {
    await expect(parseSettings({ ...valid, ...why, WHY_URL: url, DEMO: 'true' })).rejects.toThrow(
      'WHY_URL must be an http URL of 127.0.0.1',
    )
  })
})
