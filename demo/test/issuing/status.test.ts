import { decodeJwt } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describePg } from '../../../packages/rowpass/test/support/pg.ts'
import { askApp } from '../conform.ts'
import { accessTokenType, exchange, people, type Scene, startScene, tenants } from './scene.ts'

describePg('tokens after they were issued', () => {
  let scene: Scene
  let serviceToken: string

  beforeAll(async () => {
    scene = await startScene()
    serviceToken = await forService()
  })
  afterAll(() => scene.close())

  const forService = async () => {
    const { body } = await scene.post('/api/token', { grant_type: 'client_credentials', ...service() })
    return body.access_token as string
  }
  const service = () => ({ client_id: 'service', client_secret: scene.secrets.service })
  const backend = () => ({ client_id: 'backend', client_secret: scene.secrets.backend })
  const revoke = (token: string, client: Record<string, string> = { client_id: 'web' }) =>
    scene.post('/api/revoke', { token, ...client })
  const introspect = (token: string, client = backend()) => scene.post('/api/introspect', { token, ...client })

  describe('POST /api/revoke', () => {
    it.each(['access_token', 'refresh_token'] as const)(
      'SEC-35 SEC-36 ends the session of an %s at once',
      async (kind) => {
        const tokens = await scene.signIn('david')
        expect(await scene.rowsWith(tokens.access_token)).toBe(200)
        expect(await revoke(tokens[kind])).toMatchObject({ status: 200, body: '' })
        expect(await scene.rowsWith(tokens.access_token)).toBe(401)
        const again = { grant_type: 'refresh_token', client_id: 'web', refresh_token: tokens.refresh_token }
        expect((await scene.post('/api/token', again)).body.error).toBe('invalid_grant')
      },
    )

    it('SEC-35 answers 200 for what is unknown, over, or no token', async () => {
      const { access_token } = await scene.signIn('david')
      await revoke(access_token)
      for (const token of [access_token, 'a'.repeat(43), 'x', 'a.b.c', '\u00e4']) {
        expect((await revoke(token)).status).toBe(200)
      }
    })

    it('SEC-35 refuses another client, and leaves the token good', async () => {
      const { access_token, refresh_token } = await scene.signIn('david')
      for (const token of [access_token, refresh_token]) {
        expect((await revoke(token, { client_id: 'other-web' })).body.error).toBe('unauthorized_client')
        expect((await revoke(token, service())).body.error).toBe('unauthorized_client')
      }
      expect(await scene.rowsWith(access_token)).toBe(200)
    })

    it('SEC-35 refuses who does not authenticate, and a request without token', async () => {
      expect((await revoke(serviceToken, { client_id: 'service' })).status).toBe(401)
      expect((await scene.post('/api/revoke', { token: serviceToken })).status).toBe(401)
      expect((await scene.post('/api/revoke', { client_id: 'web' })).body.error).toBe('invalid_request')
    })

    it('SEC-35 ends the tokens of a service, which may have others', async () => {
      const token = await forService()
      expect((await revoke(token, service())).status).toBe(200)
      expect((await introspect(token)).body).toEqual({ active: false })
      serviceToken = await forService()
      expect((await introspect(serviceToken)).body.active).toBe(true)
    })
  })

  describe('a session that the owner of the database ends', () => {
    const endSession = (sid: unknown, until = `now() + interval '1 day'`) =>
      scene.sql(`select rowpass.end_session($1, ${until})`, [sid])

    it('SEC-36 ends with its refresh token, for longer than its tokens live', async () => {
      const { access_token, refresh_token } = await scene.signIn('david')
      const { sid, exp } = decodeJwt(access_token)
      await endSession(sid, 'now()')
      expect(await scene.rowsWith(access_token)).toBe(401)
      expect((await introspect(access_token)).body).toEqual({ active: false })
      const again = { grant_type: 'refresh_token', client_id: 'web', refresh_token }
      expect((await scene.post('/api/token', again)).body.error).toBe('invalid_grant')
      const [row] = await scene.sql(
        'select extract(epoch from expires_at)::float8 as until from rowpass.revoked_sessions where sid = $1',
        [sid],
      )
      expect(row!.until).toBeGreaterThanOrEqual(exp! + 60)
    })

    it('SEC-36 ends the tokens of a service, which gets others', async () => {
      const token = await forService()
      await endSession(decodeJwt(token).sid)
      expect((await introspect(token)).body).toEqual({ active: false })
      expect(await scene.rowsWith(token)).toBe(401)
      serviceToken = await forService()
      expect(await scene.rowsWith(serviceToken)).toBe(200)
    })

    it('SEC-36 stays ended when the issuer has more to end than was known', async () => {
      const { access_token } = await scene.signIn('david')
      const { sid, exp } = decodeJwt(access_token)
      await scene.sql('insert into rowpass.revoked_sessions (sid, expires_at) values ($1, now())', [sid])
      await scene.sql('select issuer.end_sessions($1)', [people.david])
      const [row] = await scene.sql(
        'select extract(epoch from expires_at)::float8 as until from rowpass.revoked_sessions where sid = $1',
        [sid],
      )
      expect(row!.until).toBeGreaterThanOrEqual(exp! + 60)
    })

    it('SEC-36 can be ended while a token of it is good, also when it cannot be refreshed any more', async () => {
      const { access_token } = await scene.signIn('david')
      const { sid } = decodeJwt(access_token)
      await scene.sql('update issuer.sessions set expires_at = now() where sid = $1', [sid])
      await scene.sql('select issuer.prune()')
      expect(await scene.rowsWith(access_token)).toBe(200)
      expect(await scene.sql('select issuer.end_sessions($1) as ended', [people.david])).toEqual([{ ended: 1 }])
      expect(await scene.rowsWith(access_token)).toBe(401)
      await scene.sql('update issuer.sessions set expires_at = now(), token_expires_at = now()')
      await scene.sql('select issuer.prune()')
      expect(await scene.sql('select from issuer.sessions')).toEqual([])
    })
  })

  describe('POST /api/introspect', () => {
    it('SEC-35 tells a service what an access token says', async () => {
      const { access_token } = await scene.signIn('david')
      const { iat, exp, jti, sid, aud, iss } = decodeJwt(access_token)
      expect((await introspect(access_token)).body).toEqual({
        active: true,
        token_type: 'Bearer',
        iss,
        aud,
        sub: people.david,
        client_id: 'web',
        scope: 'rows profile',
        iat,
        exp,
        jti,
        sid,
        tenant_id: tenants.neon,
        role: 'member',
      })
    })

    it('SEC-35 tells of a refresh token, until it was used', async () => {
      const { refresh_token } = await scene.signIn('david')
      const { body } = await introspect(refresh_token)
      expect(body).toMatchObject({ active: true, sub: people.david, client_id: 'web', tenant_id: tenants.neon })
      expect(body.exp).toBeGreaterThan(Date.now() / 1000)
      await scene.post('/api/token', { grant_type: 'refresh_token', client_id: 'web', refresh_token })
      expect((await introspect(refresh_token)).body).toEqual({ active: false })
    })

    it('SEC-35 says no more than that a token is not active', async () => {
      const { access_token } = await scene.signIn('david')
      const david = { id: people.david, tenantId: tenants.neon, role: 'member' } as const
      await revoke(access_token)
      const tokens = [
        access_token,
        `${serviceToken.slice(0, -4)}AAAA`,
        await scene.stack.sign(david, { now: Date.now() - 3_600_000 }),
        await scene.stack.sign(david, { role: 'anonymous' }),
        await scene.stack.sign(david),
        'a'.repeat(43),
        'x',
        'x'.repeat(9000),
      ]
      for (const token of tokens)
        expect(await introspect(token)).toMatchObject({ status: 200, body: { active: false } })
    })

    it('SEC-35 shows a service of a tenant nothing of another', async () => {
      const { access_token } = await scene.signIn('amara')
      const form = {
        grant_type: exchange,
        client_id: 'web',
        subject_token: access_token,
        subject_token_type: accessTokenType,
      }
      const { body } = await scene.post('/api/token', { ...form, tenant_id: tenants.other })
      expect((await introspect(access_token, service())).body.active).toBe(true)
      expect((await introspect(body.access_token, service())).body).toEqual({ active: false })
      expect((await introspect(body.access_token)).body.active).toBe(true)
    })

    it.each<[string, () => Record<string, string>]>([
      ['nobody', () => ({})],
      ['a public client', () => ({ client_id: 'web' })],
      ['a client with a wrong secret', () => ({ client_id: 'service', client_secret: 'x' })],
    ])('SEC-35 refuses %s', async (_title, client) => {
      const { status, body } = await scene.post('/api/introspect', { token: serviceToken, ...client() })
      expect({ status, error: body.error }).toEqual({ status: 401, error: 'invalid_client' })
    })
  })

  describe('the metadata', () => {
    it.each(['oauth-authorization-server', 'openid-configuration'])('SEC-31 is at /.well-known/%s', async (name) => {
      const { status, body } = await scene.ask(`/.well-known/${name}`)
      const issuer = scene.bindings.ISSUER
      expect(status).toBe(200)
      expect(body).toMatchObject({
        issuer,
        token_endpoint: `${issuer}/api/token`,
        revocation_endpoint: `${issuer}/api/revoke`,
        introspection_endpoint: `${issuer}/api/introspect`,
        jwks_uri: `${issuer}/.well-known/jwks.json`,
        id_token_signing_alg_values_supported: ['ES256'],
      })
      expect(decodeJwt((await scene.signIn('david')).access_token).iss).toBe(body.issuer)
      expect(body.grant_types_supported).toEqual(['password', 'refresh_token', 'client_credentials', exchange])
    })
  })

  it.each([
    ['POST', '/api/token'],
    ['POST', '/api/revoke'],
    ['POST', '/api/introspect'],
    ['POST', '/api/sign-up'],
    ['POST', '/api/password'],
    ['PUT', '/api/password'],
    ['POST', '/api/sign-out'],
    ['GET', '/.well-known/oauth-authorization-server'],
  ])('where no login of the issuer is set there is no %s %s', async (method, path) => {
    const { ISSUER_DATABASE_URL: _, ...without } = scene.bindings
    expect((await askApp(path, { method }, without)).status).toBe(404)
  })
})
