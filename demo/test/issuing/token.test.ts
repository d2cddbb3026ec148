import { decodeJwt, decodeProtectedHeader } from 'jose'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describePg } from '../../../packages/rowpass/test/support/pg.ts'
import { accessTokenType, emails, exchange, password, people, type Scene, startScene, tenants } from './scene.ts'

describePg('POST /api/token', () => {
  let scene: Scene

  beforeAll(async () => {
    scene = await startScene()
  })
  afterAll(() => scene.close())

  const davids = { grant_type: 'password', client_id: 'web', username: emails.david, password }

  describe('the grant password', () => {
    it('SEC-30 SEC-32 gives a short token that says who and where, and no cache keeps it', async () => {
      const { status, headers, body } = await scene.post('/api/token', davids)
      expect(status).toBe(200)
      expect(headers.get('Cache-Control')).toBe('no-store')
      expect(headers.get('Pragma')).toBe('no-cache')
      expect(body).toEqual({
        access_token: expect.any(String),
        token_type: 'Bearer',
        expires_in: 900,
        scope: 'rows profile',
        refresh_token: expect.stringMatching(/^[\w-]{43}$/),
      })
      expect(decodeProtectedHeader(body.access_token)).toMatchObject({ alg: 'ES256', typ: 'at+jwt' })
      const claims = decodeJwt(body.access_token)
      expect(claims).toEqual({
        iss: scene.bindings.ISSUER,
        aud: 'rowpass',
        sub: people.david,
        client_id: 'web',
        tenant_id: tenants.neon,
        role: 'member',
        scope: 'rows profile',
        sid: expect.stringMatching(/^[\da-f-]{36}$/),
        jti: expect.stringMatching(/^[\da-f-]{36}$/),
        iat: expect.any(Number),
        exp: claims.iat! + 900,
      })
    })

    it('is good for the rows of its person', async () => {
      const { access_token } = await scene.signIn('amara')
      const { body } = await scene.ask('/api/users', { headers: { Authorization: `Bearer ${access_token}` } })
      expect(body.users).toHaveLength(4)
    })

    it('takes JSON as well', async () => {
      expect((await scene.send('POST', '/api/token', davids)).status).toBe(200)
    })

    it('takes the address in any case, with space around it', async () => {
      expect((await scene.post('/api/token', { ...davids, username: ' DAVID@Neon.Example ' })).status).toBe(200)
    })

    it('gives the scopes that are asked for', async () => {
      expect((await scene.post('/api/token', { ...davids, scope: 'rows' })).body.scope).toBe('rows')
    })

    it.each<[string, Record<string, string>]>([
      ['a wrong password', { password: 'wrong' }],
      ['the password in another case', { password: password.toUpperCase() }],
      ['an unknown address', { username: 'nobody@neon.example' }],
      ['somebody without a password', { username: 'mei@neon.example' }],
      ['a name that is no address', { username: 'david' }],
      ['a Kelvin sign for a letter', { username: 'david@neon.example'.replace('e', '\u212a') }],
      ['an address beyond ASCII', { username: 'd\u00e4vid@neon.example' }],
      ['SQL for an address', { username: `' or true --@x` }],
    ])('refuses %s with one and the same answer', async (_title, change) => {
      const { status, body } = await scene.post('/api/token', { ...davids, ...change })
      expect({ status, body }).toEqual({
        status: 400,
        body: { error: 'invalid_grant', error_description: 'The address or the password is wrong' },
      })
    })
  })

  describe('the grant refresh_token', () => {
    const refresh = (refresh_token: string, more: Record<string, string> = {}) =>
      scene.post('/api/token', { grant_type: 'refresh_token', client_id: 'web', refresh_token, ...more })

    it('SEC-34 gives a new pair of the same session', async () => {
      const before = await scene.signIn('david')
      const { status, body } = await refresh(before.refresh_token)
      expect(status).toBe(200)
      expect(body.refresh_token).not.toBe(before.refresh_token)
      const [old, now] = [decodeJwt(before.access_token), decodeJwt(body.access_token)]
      expect(now).toMatchObject({ sub: people.david, sid: old.sid, tenant_id: tenants.neon })
      expect(now.jti).not.toBe(old.jti)
    })

    it('SEC-34 keeps hashes only', async () => {
      const { refresh_token } = await scene.signIn('david')
      const kept = await scene.sql(
        'select refresh_tokens::text || sessions::text as text from issuer.refresh_tokens join issuer.sessions using (sid)',
      )
      expect(JSON.stringify(kept)).not.toContain(refresh_token)
      const [row] = await scene.sql(
        `select count(*)::int as n from issuer.refresh_tokens where hash = sha256($1::text::bytea)`,
        [refresh_token],
      )
      expect(row).toEqual({ n: 1 })
    })

    it('SEC-34 ends the whole session when a token comes again, its access tokens too', async () => {
      const first = await scene.signIn('david')
      const second = (await refresh(first.refresh_token)).body
      expect(await scene.rowsWith(second.access_token)).toBe(200)
      expect((await refresh(first.refresh_token)).body.error).toBe('invalid_grant')
      expect((await refresh(second.refresh_token)).body.error).toBe('invalid_grant')
      const [row] = await scene.sql('select count(*)::int as n from rowpass.revoked_sessions where sid = $1', [
        decodeJwt(second.access_token).sid,
      ])
      expect(row).toEqual({ n: 1 })
    })

    it('SEC-34 lets one of several uses at the same moment win, and ends the session', async () => {
      const { refresh_token } = await scene.signIn('david')
      const answers = await Promise.all(Array.from({ length: 6 }, () => refresh(refresh_token)))
      const won = answers.filter(({ status }) => status === 200)
      expect(won).toHaveLength(1)
      expect((await refresh(won[0]!.body.refresh_token)).body.error).toBe('invalid_grant')
    })

    it('SEC-34 refuses the token of another client, and leaves it good', async () => {
      const { refresh_token } = await scene.signIn('david')
      expect((await refresh(refresh_token, { client_id: 'other-web' })).body.error).toBe('invalid_grant')
      expect((await refresh(refresh_token)).status).toBe(200)
    })

    it('narrows the scope, and gives no more than was had', async () => {
      const { refresh_token } = await scene.signIn('david')
      expect((await refresh(refresh_token, { scope: 'rows admin' })).body.error).toBe('invalid_scope')
      expect((await refresh(refresh_token, { scope: 'rows' })).body.scope).toBe('rows')
    })

    it('reads role and tenant anew', async () => {
      const { refresh_token } = await scene.signIn('amara')
      await scene.sql(`update users set role = 'member' where id = $1`, [people.amara])
      const { body } = await refresh(refresh_token)
      await scene.sql(`update users set role = 'admin' where id = $1`, [people.amara])
      expect(decodeJwt(body.access_token).role).toBe('member')
    })

    it.each([
      ['is not refreshed in time', `expires_at = now() - interval '1 second'`],
      ['is over', `expires_at = now(), ends_at = now()`],
    ])('refuses a session that %s', async (_title, change) => {
      const { refresh_token, access_token } = await scene.signIn('david')
      await scene.sql(`update issuer.sessions set ${change} where sid = $1`, [decodeJwt(access_token).sid])
      expect((await refresh(refresh_token)).body.error).toBe('invalid_grant')
    })

    it('does not live on beyond its end, however often it is refreshed', async () => {
      const { refresh_token, access_token } = await scene.signIn('david')
      const { sid } = decodeJwt(access_token)
      await scene.sql(`update issuer.sessions set ends_at = now() + interval '1 minute' where sid = $1`, [sid])
      await refresh(refresh_token)
      const [row] = await scene.sql('select expires_at = ends_at as capped from issuer.sessions where sid = $1', [sid])
      expect(row).toEqual({ capped: true })
    })

    it('ends with its person', async () => {
      const { refresh_token, access_token } = await scene.signIn('priya')
      await scene.sql('delete from memberships where user_id = $1', [people.priya])
      await scene.sql(`update users set id = gen_random_uuid() where id = $1`, [people.priya])
      expect((await refresh(refresh_token)).body.error).toBe('invalid_grant')
      await scene.sql(`update users set id = $1 where email = $2`, [people.priya, emails.priya])
      const [row] = await scene.sql('select count(*)::int as n from issuer.sessions where sid = $1', [
        decodeJwt(access_token).sid,
      ])
      expect(row).toEqual({ n: 0 })
    })
  })

  describe('the grant client_credentials', () => {
    it('gives a service a token of its own', async () => {
      const { status, body } = await scene.post('/api/token', {
        grant_type: 'client_credentials',
        client_id: 'service',
        client_secret: scene.secrets.service,
      })
      expect(status).toBe(200)
      expect(Object.keys(body).sort()).toEqual(['access_token', 'expires_in', 'scope', 'token_type'])
      expect(decodeJwt(body.access_token)).toMatchObject({
        sub: 'service',
        client_id: 'service',
        tenant_id: tenants.neon,
        role: 'member',
      })
    })

    it('SEC-30 takes the secret in the header, form-encoded', async () => {
      const Authorization = `Basic ${btoa(`service:${encodeURIComponent(scene.secrets.service)}`)}`
      expect((await scene.post('/api/token', { grant_type: 'client_credentials' }, { Authorization })).status).toBe(200)
    })

    it('keeps no secret', async () => {
      const kept = await scene.sql('select clients::text as text from issuer.clients')
      expect(JSON.stringify(kept)).not.toContain(scene.secrets.service)
    })
  })

  describe('the exchange for another tenant', () => {
    const swap = (subject_token: string, tenant_id: string, more: Record<string, string> = {}) =>
      scene.post('/api/token', {
        grant_type: exchange,
        client_id: 'web',
        subject_token,
        subject_token_type: accessTokenType,
        tenant_id,
        ...more,
      })

    it('SEC-33 gives a member a new token for it, and leaves the old one as it is', async () => {
      const { access_token } = await scene.signIn('amara')
      const { status, body } = await swap(access_token, tenants.other)
      expect(status).toBe(200)
      expect(Object.keys(body).sort()).toEqual([
        'access_token',
        'expires_in',
        'issued_token_type',
        'scope',
        'token_type',
      ])
      expect(body.issued_token_type).toBe(accessTokenType)
      const [old, now] = [decodeJwt(access_token), decodeJwt(body.access_token)]
      expect(old.tenant_id).toBe(tenants.neon)
      expect(now).toMatchObject({ sub: people.amara, tenant_id: tenants.other, role: 'admin', sid: old.sid })
      const { body: list } = await scene.ask('/api/users', {
        headers: { Authorization: `Bearer ${body.access_token}` },
      })
      expect(list.users.every(({ tenantId }: { tenantId: string }) => tenantId === tenants.other)).toBe(true)
      expect(await scene.rowsWith(access_token)).toBe(200)
    })

    it('SEC-33 gives one for the own tenant back', async () => {
      const away = (await swap((await scene.signIn('amara')).access_token, tenants.other)).body.access_token
      expect(decodeJwt((await swap(away, tenants.neon)).body.access_token)).toMatchObject({ tenant_id: tenants.neon })
    })

    it('SEC-33 refuses a tenant that is not theirs, one that they have left, and one that does not exist', async () => {
      const { access_token } = await scene.signIn('david')
      expect((await swap(access_token, tenants.other)).body.error).toBe('invalid_grant')
      expect((await swap(access_token, people.david)).body.error).toBe('invalid_grant')
      await scene.sql('insert into memberships (user_id, tenant_id) values ($1, $2)', [people.david, tenants.kestrel])
      expect((await swap(access_token, tenants.kestrel)).status).toBe(200)
      await scene.sql('delete from memberships where user_id = $1', [people.david])
      expect((await swap(access_token, tenants.kestrel)).body.error).toBe('invalid_grant')
    })

    it('refuses the token of a session that has ended', async () => {
      const { access_token } = await scene.signIn('amara')
      await scene.send('POST', '/api/sign-out', {}, access_token)
      expect((await swap(access_token, tenants.other)).body.error).toBe('invalid_grant')
    })

    it('refuses expired, foreign and forged tokens', async () => {
      const { access_token } = await scene.signIn('amara')
      const amara = { id: people.amara, tenantId: tenants.neon, role: 'admin' } as const
      const tokens = [
        // Signed with our key, by somebody else than the token endpoint: there is no session of that name.
        await scene.stack.sign(amara),
        await scene.stack.sign(amara, { now: Date.now() - 3_600_000 }),
        await scene.stack.sign(amara, { role: 'anonymous' }),
        `${access_token.slice(0, -4)}AAAA`,
        access_token.replace(/\.[^.]*$/, '.'),
        'not-a-token',
      ]
      for (const token of tokens) expect((await swap(token, tenants.other)).body.error).toBe('invalid_grant')
    })

    it.each<[string, Record<string, string>, string]>([
      ['another client', { client_id: 'other-web' }, 'invalid_grant'],
      ['a tenant that is no UUID', { tenant_id: 'neon' }, 'invalid_request'],
      ['neither a tenant nor what an agent may do', { tenant_id: '' }, 'invalid_scope'],
      ['another type of token', { subject_token_type: 'urn:ietf:params:oauth:token-type:jwt' }, 'invalid_request'],
      [
        'a wish for another type',
        { requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
        'invalid_request',
      ],
      ['an actor', { actor_token: 'x', actor_token_type: accessTokenType }, 'invalid_request'],
      ['another audience', { audience: 'elsewhere' }, 'invalid_target'],
      ['a resource', { resource: 'https://elsewhere.example' }, 'invalid_target'],
      ['more scope than it had', { scope: 'rows admin' }, 'invalid_scope'],
    ])('refuses %s', async (_title, change, error) => {
      const { access_token } = await scene.signIn('amara')
      expect((await swap(access_token, tenants.other, change)).body.error).toBe(error)
    })
  })

  describe('malformed requests', () => {
    const basic = (text: string) => ({ Authorization: `Basic ${btoa(text)}` })
    const service = { grant_type: 'client_credentials', client_id: 'service' }

    it.each<[string, () => Promise<{ status: number; body: { error: string } }>, number, string]>([
      ['no grant type', () => scene.post('/api/token', { client_id: 'web' }), 400, 'invalid_request'],
      [
        'an unknown grant type',
        () => scene.post('/api/token', { ...davids, grant_type: 'implicit' }),
        400,
        'unsupported_grant_type',
      ],
      [
        'a name of Object',
        () => scene.post('/api/token', { ...davids, grant_type: 'constructor' }),
        400,
        'unsupported_grant_type',
      ],
      [
        'a grant that is not the client’s',
        () => scene.post('/api/token', { ...service, grant_type: 'password', client_secret: scene.secrets.service }),
        400,
        'unauthorized_client',
      ],
      ['no client', () => scene.post('/api/token', { grant_type: 'password' }), 401, 'invalid_client'],
      ['an unknown client', () => scene.post('/api/token', { ...davids, client_id: 'nobody' }), 401, 'invalid_client'],
      [
        'a client with NUL in its name',
        () => scene.post('/api/token', { ...davids, client_id: 'web\0' }),
        400,
        'invalid_request',
      ],
      ['a wrong secret', () => scene.post('/api/token', { ...service, client_secret: 'x' }), 401, 'invalid_client'],
      ['a missing secret', () => scene.post('/api/token', service), 401, 'invalid_client'],
      [
        'a secret of a public client',
        () => scene.post('/api/token', { ...davids, client_secret: 'x' }),
        401,
        'invalid_client',
      ],
      [
        'a wrong secret in the header',
        () => scene.post('/api/token', { grant_type: 'client_credentials' }, basic('service:x')),
        401,
        'invalid_client',
      ],
      [
        'a header of another scheme',
        () => scene.post('/api/token', davids, { Authorization: 'Bearer x' }),
        401,
        'invalid_client',
      ],
      [
        'two ways to authenticate',
        () => scene.post('/api/token', { ...service, client_secret: 'x' }, basic('service:x')),
        400,
        'invalid_request',
      ],
      ['two names of the client', () => scene.post('/api/token', davids, basic('service:x')), 400, 'invalid_request'],
      [
        'more scope than the client has',
        () => scene.post('/api/token', { ...davids, scope: 'admin' }),
        400,
        'invalid_scope',
      ],
      ['a password with NUL', () => scene.post('/api/token', { ...davids, password: 'a\0b' }), 400, 'invalid_request'],
      [
        'a parameter twice',
        () =>
          scene.ask('/api/token', {
            method: 'POST',
            body: new URLSearchParams([...Object.entries(davids), ['password', 'x']]),
          }),
        400,
        'invalid_request',
      ],
      [
        'an empty parameter and a full one',
        () =>
          scene.ask('/api/token', {
            method: 'POST',
            body: new URLSearchParams([['password', ''], ...Object.entries(davids)]),
          }),
        400,
        'invalid_request',
      ],
      [
        'a body of another type',
        () => scene.ask('/api/token', { method: 'POST', body: 'x', headers: { 'Content-Type': 'text/plain' } }),
        400,
        'invalid_request',
      ],
      [
        'JSON that is none',
        () =>
          scene.ask('/api/token', { method: 'POST', body: '{"a"', headers: { 'Content-Type': 'application/json' } }),
        400,
        'invalid_request',
      ],
      [
        'JSON that is not flat',
        () => scene.send('POST', '/api/token', { ...davids, scope: ['rows'] }),
        400,
        'invalid_request',
      ],
      [
        'JSON with a member twice',
        () =>
          scene.ask('/api/token', {
            method: 'POST',
            body: '{"grant_type":"password","grant_type":"password"}',
            headers: { 'Content-Type': 'application/json' },
          }),
        400,
        'invalid_request',
      ],
      [
        'JSON with a lone surrogate',
        () =>
          scene.ask('/api/token', {
            method: 'POST',
            body: '{"client_id":"\\ud800"}',
            headers: { 'Content-Type': 'application/json' },
          }),
        400,
        'invalid_request',
      ],
      [
        'bytes that are no UTF-8',
        () =>
          scene.ask('/api/token', {
            method: 'POST',
            body: new Uint8Array([0xff, 0x3d]),
            headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
          }),
        400,
        'invalid_request',
      ],
    ])('SEC-30 refuses %s', async (_title, request, status, error) => {
      const answer = await request()
      expect(answer).toMatchObject({ status, body: { error } })
    })

    it('SEC-30 asks a client that failed for Basic', async () => {
      const { headers } = await scene.post('/api/token', { grant_type: 'client_credentials' }, basic('service:x'))
      expect(headers.get('WWW-Authenticate')).toBe('Basic realm="rowpass", charset="UTF-8"')
      expect(headers.get('Cache-Control')).toBe('no-store')
    })

    it('SEC-30 refuses a body over the limit', async () => {
      const { status, body } = await scene.post('/api/token', { ...davids, password: 'x'.repeat(20_000) })
      expect({ status, error: body.error }).toEqual({ status: 400, error: 'invalid_request' })
    })

    it('takes no credentials from the query string', async () => {
      const query = new URLSearchParams(davids)
      expect((await scene.post(`/api/token?${query}`, {})).body.error).toBe('invalid_client')
      expect((await scene.ask(`/api/token?${query}`)).status).toBe(404)
    })
  })
})
