import fc from 'fast-check'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { describePg } from '../../../packages/rowpass/test/support/pg.ts'
import { accessTokenType, emails, exchange, people, type Scene, startScene, tenants } from './scene.ts'

const seed = 20_261_125

describePg('whoever sends what they like', () => {
  let scene: Scene
  let known: string[]

  beforeAll(async () => {
    scene = await startScene()
    const { access_token, refresh_token } = await scene.signIn('amara')
    known = [
      ...[access_token, refresh_token, `${access_token}x`, scene.secrets.backend, emails.david, people.david],
      ...[
        tenants.other,
        accessTokenType,
        exchange,
        'password',
        'refresh_token',
        'client_credentials',
        'web',
        'backend',
      ],
      ...['true', '', ' ', '\0', '\ufffd', '\ud800', '__proto__', 'constructor', "' or 1 = 1 --", '%00', '{}', 'rows'],
    ]
  })
  afterAll(() => scene.close())

  const oauth = ['/api/token', '/api/revoke', '/api/introspect']
  const others = ['/api/sign-up', '/api/password', '/api/password/reset', '/api/invites', '/api/sign-out']
  const names = [
    ...['grant_type', 'client_id', 'client_secret', 'username', 'password', 'scope', 'refresh_token', 'token'],
    ...['subject_token', 'subject_token_type', 'requested_token_type', 'tenant_id', 'audience', 'actor_token'],
    ...['email', 'name', 'tenantName', 'currentPassword', 'userId', 'everywhere', '__proto__', 'toString'],
  ]
  const text = () => fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, fc.string({ unit: 'binary' }))
  const entries = (value: fc.Arbitrary<unknown>) =>
    fc.array(fc.tuple(fc.constantFrom(...names), value), { maxLength: 9 })
  const form = () =>
    entries(text()).map((all) => ({
      type: 'application/x-www-form-urlencoded',
      body: all.map(([name, value]) => `${name}=${encode(String(value))}`).join('&'),
    }))
  const json = () =>
    entries(fc.oneof({ weight: 3, arbitrary: text() }, fc.jsonValue())).map((all) => ({
      type: 'application/json',
      body: `{${all.map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`).join(',')}}`,
    }))
  const bytes = () =>
    fc.record({
      type: fc.constantFrom('application/json', 'application/x-www-form-urlencoded; charset=x', 'text/plain', ''),
      body: fc.uint8Array({ maxLength: 200 }).map((all) => Uint8Array.from(all)),
    })
  const authorization = () =>
    fc.oneof(
      { weight: 4, arbitrary: fc.constant(undefined) },
      fc.tuple(text(), text()).map((pair) => `Basic ${Buffer.from(pair.join(':')).toString('base64')}`),
      fc.constantFrom('Basic', 'Basic =', 'Bearer', 'Bearer x, Bearer y', 'basic AAAA', 'Digest x=y'),
      fc.constantFrom(0, 2).map((at) => `Bearer ${known[at]}`),
    )
  /** Also what cannot be encoded: halves of pairs, and a percent sign that begins nothing. */
  const encode = (value: string) => {
    try {
      return encodeURIComponent(value)
    } catch {
      return '%ed%a0%80%'
    }
  }
  /** Requests that are good, but for what takes the place of a parameter or two. */
  const nearly = () => {
    const client = { client_id: 'backend', client_secret: scene.secrets.backend }
    const good = [
      { ...client, grant_type: 'password', username: emails.david, password: 'wrong' },
      { ...client, grant_type: 'refresh_token', refresh_token: known[1] },
      { ...client, grant_type: 'client_credentials', scope: 'rows' },
      {
        ...{ client_id: 'web', grant_type: exchange, subject_token: known[0], subject_token_type: accessTokenType },
        tenant_id: tenants.other,
      },
      { ...client, token: known[0], token_type_hint: 'access_token' },
    ]
    return fc
      .tuple(fc.constantFrom(...good), fc.dictionary(fc.constantFrom(...names), text(), { maxKeys: 2 }), fc.boolean())
      .map(([all, changes, asJson]) => {
        const parameters = Object.entries({ ...all, ...changes }).map(([name, value]) => [name, String(value)] as const)
        return asJson
          ? { type: 'application/json', body: JSON.stringify(Object.fromEntries(parameters)) }
          : {
              type: 'application/x-www-form-urlencoded',
              body: parameters.map(([name, value]) => `${name}=${encode(value)}`).join('&'),
            }
      })
  }

  it('SEC-18 SEC-30 is answered by each endpoint, and never with what failed inside', async () => {
    // Each may be the one that is refused for a while, which would leave the rest untried.
    await scene.sql('truncate issuer.attempts')
    const failed = vi.spyOn(console, 'error')
    const property = fc.asyncProperty(
      fc.constantFrom(...oauth, ...others),
      fc.constantFrom('POST', 'POST', 'POST', 'PUT'),
      fc.oneof({ weight: 3, arbitrary: nearly() }, form(), json(), bytes()),
      authorization(),
      async (path, method, { type, body }, header) => {
        const headers: Record<string, string> = { 'Content-Type': type }
        if (header !== undefined) headers.Authorization = header
        const answer = await scene.ask(path, { method, body, headers })
        expect(failed.mock.calls).toEqual([])
        expect(answer.status).toBeLessThan(500)
        expect(answer.headers.get('Cache-Control')).toBe('no-store')
        if (answer.status >= 400) expect(JSON.stringify(answer.body)).not.toMatch(/node_modules|\.ts:|select |scrypt/)
        if (answer.status >= 400 && method === 'POST' && oauth.includes(path)) {
          expect(Object.keys(answer.body)).toEqual(['error', 'error_description'])
        }
      },
    )
    await fc.assert(property, { numRuns: 400, seed }).finally(() => failed.mockRestore())
  })
})
