/** Faulty tokens at the gateway: each one is refused alike, and nothing runs. */
import { createHmac, generateKeyPairSync } from 'node:crypto'
import { request as httpRequest } from 'node:http'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { TokenRefused } from '../../src/events.ts'
import { type GeneratedKey, generateKey } from '../../src/token/key.ts'
import { type SqlAnswer, startTestGateway, type TestGateway } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { b64, forge, publish, startServer, type TestServer } from '../token/test-issuer.ts'
import { bobsSecret, type Scene, startScene } from './scene.ts'

const tenant = 'f330c503-5e9c-46a7-8393-2995aeb03675'
const write = `insert into notes (body) values ('a token holder was here') returning body`

describePg('tokens', () => {
  let scene: Scene
  let gateway: TestGateway
  let key: GeneratedKey
  let otherKey: GeneratedKey
  let keys: TestServer
  let otherKeys: TestServer
  const iss = 'https://id.example.test'
  const otherIss = 'https://other.example.test'

  beforeAll(async () => {
    key = await generateKey()
    otherKey = await generateKey()
    keys = await startServer(publish([key]))
    otherKeys = await startServer(publish([otherKey]))
    scene = await startScene()
    const issuer = { audience: 'rowpass', algorithms: ['ES256'] }
    gateway = await startTestGateway(scene.database, {
      ROWPASS_ISSUERS: JSON.stringify([
        { ...issuer, iss, jwks_url: keys.url },
        { ...issuer, iss: otherIss, jwks_url: otherKeys.url },
      ]),
    })
  })
  afterAll(async () => {
    await gateway.close()
    await scene.close()
    await keys.close()
    await otherKeys.close()
  })

  const now = () => Math.floor(Date.now() / 1000)
  const claims = (change: object = {}): Record<string, unknown> => ({
    iss,
    aud: 'rowpass',
    sub: 'ada',
    client_id: 'test',
    iat: now(),
    exp: now() + 900,
    jti: 'token-1',
    tenant_id: tenant,
    ...change,
  })
  const header = (change: object = {}): Record<string, unknown> => ({
    alg: 'ES256',
    typ: 'at+jwt',
    kid: key.kid,
    ...change,
  })
  const valid = () => forge(key, header(), claims())
  const parts = () => valid().split('.') as [string, string, string]

  const withBearer = (authorization: string | undefined): Promise<SqlAnswer> =>
    gateway.send(JSON.stringify({ query: write }), { authorization })

  /** The body of every refusal of a token that neither expired nor asks for a role. */
  const refusal = {
    code: '28000',
    message: 'The token was refused',
    severity: 'ERROR',
    hint: 'token_invalid: Sign in again. If a new token is refused too, the log of the gateway or the API names the check that failed.',
  }

  afterEach(async () => {
    expect(await scene.asSuperuser(`select from notes where body not in ('of ada', '${bobsSecret}')`)).toEqual([])
  })

  it('the token that all others are made from is accepted', async () => {
    const { status, body } = await gateway.sql(valid(), 'select auth.user_id() as id')
    expect({ status, rows: body.rows }).toEqual({ status: 200, rows: [{ id: 'ada' }] })
  })

  const faults: [title: string, reason: string, make: () => string][] = [
    ['another issuer', 'issuer', () => forge(key, header(), claims({ iss: 'https://evil.example.test' }))],
    ['no issuer', 'issuer', () => forge(key, header(), claims({ iss: undefined }))],
    ['an issuer with a slash too many', 'issuer', () => forge(key, header(), claims({ iss: `${iss}/` }))],
    [
      'the key of another configured issuer',
      'key_unknown',
      () => forge(otherKey, header({ kid: otherKey.kid }), claims()),
    ],
    ['the name of another issuer', 'key_unknown', () => forge(key, header(), claims({ iss: otherIss }))],
    ['another audience', 'audience', () => forge(key, header(), claims({ aud: 'another' }))],
    ['no audience', 'audience', () => forge(key, header(), claims({ aud: undefined }))],
    ['a list of other audiences', 'audience', () => forge(key, header(), claims({ aud: ['a', 'b'] }))],
    ['an audience that is no text', 'audience', () => forge(key, header(), claims({ aud: { rowpass: true } }))],
    ['another key under the right name', 'signature', () => forge(otherKey, header(), claims())],
    ['a key that nobody knows', 'key_unknown', () => forge(otherKey, header({ kid: 'unknown' }), claims())],
    ['a key name of null', 'header', () => forge(key, header({ kid: null }), claims())],
    ['the algorithm none', 'algorithm', () => `${b64(JSON.stringify(header({ alg: 'none' })))}.${parts()[1]}.AA`],
    ['the algorithm None', 'algorithm', () => `${b64(JSON.stringify(header({ alg: 'None' })))}.${parts()[1]}.AA`],
    ['no signature', 'format', () => `${b64(JSON.stringify(header({ alg: 'none' })))}.${parts()[1]}.`],
    ['two parts', 'format', () => parts().slice(0, 2).join('.')],
    ['another algorithm', 'algorithm', () => forge(key, header({ alg: 'RS256' }), claims())],
    [
      'the public key as an HMAC secret',
      'algorithm',
      () => {
        const input = `${b64(JSON.stringify(header({ alg: 'HS256' })))}.${b64(JSON.stringify(claims()))}`
        return `${input}.${createHmac('sha256', JSON.stringify(key.publicJwk)).update(input).digest('base64url')}`
      },
    ],
    [
      'a key that it brings along',
      'key_unknown',
      () => forge(otherKey, header({ kid: 'mine', jwk: otherKey.publicJwk }), claims()),
    ],
    ['its own key as jwk', 'signature', () => forge(otherKey, header({ jwk: otherKey.publicJwk }), claims())],
    ['a key URL', 'signature', () => forge(otherKey, header({ jku: otherKeys.url.href }), claims())],
    [
      'edited claims',
      'signature',
      () =>
        parts()
          .with(1, b64(JSON.stringify(claims({ sub: 'bob' }))))
          .join('.'),
    ],
    [
      'an edited header',
      'signature',
      () =>
        parts()
          .with(0, b64(JSON.stringify(header({ x: 1 }))))
          .join('.'),
    ],
    [
      'a cut signature',
      'signature',
      () => {
        const [signedHeader, signedClaims, signature] = parts()
        return [signedHeader, signedClaims, b64(Buffer.from(signature, 'base64url').subarray(0, 63))].join('.')
      },
    ],
    [
      'a signature of zeros',
      'signature',
      () =>
        parts()
          .with(2, b64(Buffer.alloc(64)))
          .join('.'),
    ],
    [
      'a signature of another token',
      'signature',
      () =>
        parts()
          .with(2, forge(key, header(), claims({ jti: '2' })).split('.')[2]!)
          .join('.'),
    ],
    ['the type JWT', 'typ', () => forge(key, header({ typ: 'JWT' }), claims())],
    ['no type', 'typ', () => forge(key, header({ typ: undefined }), claims())],
    ['a critical extension', 'crit', () => forge(key, header({ crit: ['exp'] }), claims())],
    ['five parts', 'encrypted', () => `${valid()}.AA.AA`],
    ['four parts', 'format', () => `${valid()}.AA`],
    ['no expiry', 'time', () => forge(key, header(), claims({ exp: undefined }))],
    ['an expiry as text', 'time', () => forge(key, header(), claims({ exp: String(now() + 900) }))],
    [
      'an expiry without end',
      'time',
      () => forge(key, header(), JSON.stringify(claims()).replace(/"exp":\d+/, '"exp":1e308')),
    ],
    ['no time of issue', 'time', () => forge(key, header(), claims({ iat: undefined }))],
    ['a longer life than allowed', 'lifetime', () => forge(key, header(), claims({ exp: now() + 3_700 }))],
    ['an issue in the future', 'not_yet_valid', () => forge(key, header(), claims({ iat: now() + 300 }))],
    ['a start in the future', 'not_yet_valid', () => forge(key, header(), claims({ nbf: now() + 300 }))],
    ['no subject', 'subject', () => forge(key, header(), claims({ sub: undefined }))],
    ['an empty subject', 'subject', () => forge(key, header(), claims({ sub: '' }))],
    ['a subject that is a number', 'subject', () => forge(key, header(), claims({ sub: 7 }))],
    ['a tenant that is no UUID', 'tenant', () => forge(key, header(), claims({ tenant_id: "' or true --" }))],
    ['a token id that is no text', 'token_id', () => forge(key, header(), claims({ jti: {} }))],
    ['one claim twice', 'payload', () => forge(key, header(), JSON.stringify(claims()).replace('{', '{"sub":"bob",'))],
    ['a payload that is no object', 'payload', () => forge(key, header(), '[]')],
    [
      'a payload that is no UTF-8',
      'payload',
      () =>
        parts()
          .with(1, b64(Buffer.from([0x7b, 0xff, 0x7d])))
          .join('.'),
    ],
    ['more than 8192 characters', 'size', () => forge(key, header(), claims({ more: 'x'.repeat(8_192) }))],
  ]
  it.each(faults)('SEC-18 refuses %s (%s) as it refuses every other', async (_title, reason, make) => {
    const before = gateway.events.length
    const { status, headers, body } = await withBearer(`Bearer ${make()}`)
    expect(status).toBe(400)
    expect(headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    expect(Object.fromEntries(Object.entries(body).filter(([, value]) => value !== null))).toEqual(refusal)
    const refused = gateway.events
      .slice(before)
      .filter((event): event is TokenRefused => event.type === 'token_refused')
    expect(refused.map((event) => event.reason)).toEqual([reason])
    expect(otherKeys.requests.length + keys.requests.length).toBeLessThan(10)
  })

  it('SEC-9 says of an expired token that it has expired, and of no other', async () => {
    const { status, headers, body } = await withBearer(
      `Bearer ${forge(key, header(), claims({ iat: now() - 900, exp: now() - 31 }))}`,
    )
    expect(status).toBe(400)
    expect(headers.get('www-authenticate')).toBe('Bearer error="invalid_token"')
    expect(body).toMatchObject({
      code: '28000',
      message: 'The token has expired',
      hint: expect.stringMatching(/^token_expired/),
    })
    const unsigned = forge(otherKey, header(), claims({ iat: now() - 900, exp: now() - 31 }))
    expect((await withBearer(`Bearer ${unsigned}`)).body).toMatchObject(refusal)
  })

  it('SEC-9 accepts a token in the seconds by which clocks may differ', async () => {
    const late = forge(key, header(), claims({ iat: now() - 900, exp: now() - 20 }))
    expect((await gateway.sql(late, 'select auth.user_id() as id')).body.rows).toEqual([{ id: 'ada' }])
  })

  describe('anywhere but in the header', () => {
    const missing = { code: '28000', hint: expect.stringMatching(/^token_missing: /) }
    const send = async (path: string, headers: Record<string, string>, body: object = {}): Promise<SqlAnswer> => {
      const response = await fetch(gateway.url + path, {
        method: 'POST',
        body: JSON.stringify({ query: write, ...body }),
        headers: { 'neon-connection-string': gateway.connectionString, ...headers },
      })
      return { status: response.status, headers: response.headers, body: await response.json() }
    }
    const places: [title: string, attempt: (token: string) => Promise<SqlAnswer>][] = [
      ['nowhere', () => send('', {})],
      ['in the query string', (token) => send(`?access_token=${token}&authorization=Bearer+${token}`, {})],
      ['in the body', (token) => send('', {}, { access_token: token, authorization: `Bearer ${token}` })],
      ['in a cookie', (token) => send('', { cookie: `access_token=${token}; authorization=${token}` })],
      [
        'in another header',
        (token) => send('', { 'x-authorization': `Bearer ${token}`, 'proxy-authorization': `Bearer ${token}` }),
      ],
      ['as Basic', (token) => send('', { authorization: `Basic ${token}` })],
      ['without a scheme', (token) => send('', { authorization: token })],
      [
        'as the password of the connection string',
        (token) => send('', { 'neon-connection-string': gateway.connectionString.replace('@', `:${token}@`) }),
      ],
    ]
    it.each(places)('SEC-19 a token %s is no token', async (_title, attempt) => {
      const { status, headers, body } = await attempt(valid())
      expect(status).toBe(400)
      // RFC 6750 §3: no error code for a request without a token.
      expect(headers.get('www-authenticate')).toBe('Bearer')
      expect(body).toMatchObject(missing)
    })

    it('SEC-19 two Authorization headers are refused, even when both are valid', async () => {
      const answer = await sendRaw([
        ['Authorization', `Bearer ${valid()}`],
        ['Authorization', `Bearer ${valid()}`],
      ])
      expect(answer).toMatchObject({ status: 400, body: { hint: expect.stringMatching(/^request_invalid: /) } })
      const joined = await withBearer(`Bearer ${valid()}, Bearer ${valid()}`)
      expect(joined).toMatchObject({ status: 400, body: { hint: expect.stringMatching(/^request_invalid: /) } })
    })

    it('the scheme may be written in any case', async () => {
      const query = JSON.stringify({ query: 'select auth.user_id() as id' })
      for (const scheme of ['Bearer', 'bearer', 'BEARER']) {
        expect((await gateway.send(query, { authorization: `${scheme} ${valid()}` })).status).toBe(200)
      }
    })

    /** fetch would join headers of one name. */
    function sendRaw(headers: [string, string][]): Promise<{ status: number | undefined; body: unknown }> {
      return new Promise((resolve, reject) => {
        const flat = [...headers, ['Neon-Connection-String', gateway.connectionString], ['Host', 'x']].flat()
        const sent = httpRequest(gateway.url, { method: 'POST', headers: flat }, (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('end', () =>
            resolve({ status: response.statusCode, body: JSON.parse(Buffer.concat(chunks).toString()) }),
          )
        })
        sent.on('error', reject)
        sent.end(JSON.stringify({ query: write }))
      })
    }
  })

  describe('that choose their role', () => {
    let choosing: TestGateway
    beforeAll(async () => {
      choosing = await startTestGateway(
        scene.database,
        {},
        { role_claim: 'db_role', roles: ['authenticated', 'anonymous', 'no_such_role', 'rowpass_owner'] },
      )
    })
    afterAll(() => choosing.close())

    const ask = async (claim: object, query = 'select current_user as role') =>
      choosing.sql(await choosing.issuer.token('ada', claim as Record<string, unknown>), query)

    it.each(['authenticated', 'anonymous'])(
      'SEC-38 %s, which is on the list, is the role of the request',
      async (role) => {
        expect((await ask({ db_role: role })).body.rows).toEqual([{ role }])
      },
    )

    it.each([
      [{ db_role: 'rowpass_gateway' }],
      [{ db_role: 'postgres' }],
      [{ db_role: 'none' }],
      [{ db_role: 'Authenticated' }],
      [{ db_role: 'authenticated ' }],
      [{ db_role: '' }],
      [{ db_role: ['owner'] }],
      [{ role: 'authenticated' }],
      [{}],
    ])('SEC-38 refuses %j, which names no role of the list', async (claim) => {
      const { status, headers, body } = await ask(claim)
      expect(status).toBe(400)
      expect(headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope"')
      expect(body).toMatchObject({ code: '28000', message: 'The token does not allow this database role' })
    })

    it.each(['no_such_role', 'rowpass_owner'])(
      'SEC-38 a role on the list that the login cannot take, %s, is a fault of ours, and nothing runs',
      async (role) => {
        const { status, body } = await ask({ db_role: role }, write)
        expect(status).toBe(500)
        expect(body).toMatchObject({ code: 'XX000', message: 'Something failed inside Rowpass' })
        expect(JSON.stringify(body)).not.toContain(role)
        const audit = choosing.events.findLast(({ type }) => type === 'sql_answered')
        expect(audit).toMatchObject({
          outcome: 'internal',
          role,
          cause: { cause: { message: expect.stringContaining(role) } },
        })
      },
    )
  })

  it('SEC-4 a key pair that a token brings along is never looked at', async () => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    const mine = { ...key, privateJwk: privateKey.export({ format: 'jwk' }) as never }
    const token = forge(
      mine,
      header({ jwk: publicKey.export({ format: 'jwk' }), x5u: keys.url.href }),
      claims({ sub: 'bob' }),
    )
    expect((await withBearer(`Bearer ${token}`)).body).toMatchObject(refusal)
  })
})
