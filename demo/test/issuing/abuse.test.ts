import { randomUUID } from 'node:crypto'
import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, expect, it } from 'vitest'
import { generateEncryptionKey } from '../../../packages/rowpass/src/issuer/ring/encryption.ts'
import { describePg } from '../../../packages/rowpass/test/support/pg.ts'
import type { Bindings } from '../../src/env.ts'
import { askApp } from '../conform.ts'
import { type Mailbox, startMailbox } from './mailbox.ts'
import { accessTokenType, emails, exchange, password, people, type Scene, startScene, tenants } from './scene.ts'

const fresh = 'a password that is new 1'

describePg('somebody who means harm', () => {
  let scene: Scene
  let mailbox: Mailbox
  beforeAll(async () => {
    mailbox = await startMailbox()
    scene = await startScene({ MAIL_URL: mailbox.url })
  })
  beforeEach(async () => {
    mailbox.empty()
    await scene.sql('truncate issuer.attempts')
  })
  afterAll(async () => {
    await scene.close()
    await mailbox.close()
  })

  const from = (address: string, path: string, body: object) =>
    scene.ask(path, {
      method: 'POST',
      body: JSON.stringify(body),
      headers: { 'Content-Type': 'application/json', 'X-Address': address },
    })
  const setPassword = (token: string | undefined, given = fresh) =>
    scene.send('POST', '/api/password', { token, password: given })
  const swap = (subject_token: string, more: Record<string, string> = {}) =>
    scene.post('/api/token', {
      grant_type: exchange,
      client_id: 'web',
      subject_token,
      subject_token_type: accessTokenType,
      tenant_id: tenants.neon,
      ...more,
    })

  it('SEC-33 gets no longer life out of an exchange than the token had', async () => {
    const sid = randomUUID()
    await scene.sql(`insert into issuer.clients (client_id, grant_types, scopes) values ('test', $1, '{}')`, [
      [exchange],
    ])
    await scene.sql(
      `insert into issuer.sessions (sid, user_id, client_id, scope, expires_at, ends_at, token_expires_at)
       values ($1, $2, 'test', '', now() + interval '1 day', now() + interval '1 day', now() + interval '15 min')`,
      [sid, people.amara],
    )
    const amara = { id: people.amara, tenantId: tenants.neon, role: 'admin' } as const
    const token = await scene.stack.sign(amara, { now: Date.now() - 840_000, sid })
    const { body } = await swap(token, { client_id: 'test', tenant_id: tenants.other })
    const again = (await swap(body.access_token, { client_id: 'test' })).body
    const { exp } = decodeJwt(token)
    expect([body, again].map(({ access_token }) => decodeJwt(access_token).exp)).toEqual([exp, exp])
    expect(again.expires_in).toBeLessThanOrEqual(60)
  })

  it('SEC-33 is refused in the words of OAuth when a service would be a person', async () => {
    const client = { client_id: 'backend', client_secret: scene.secrets.backend }
    const { body } = await scene.post('/api/token', { grant_type: 'client_credentials', ...client })
    expect(await swap(body.access_token, client)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
  })

  it('SEC-30 counts against their own address, and against nobody else, with tokens that are none', async () => {
    const answer = await from('192.0.2.5', '/api/password', { token: 'x'.repeat(43), password: fresh })
    expect(answer.body.code).toBe('invite_invalid')
    const rows = await scene.sql(
      `select failures, bucket = sha256(convert_to(E'invite\\naddress\\n192.0.2.5', 'UTF8')) as by_address
         from issuer.attempts`,
    )
    expect(rows).toEqual([{ failures: 1, by_address: true }])
  })

  it('SEC-30 learns from a forgotten password nothing of accounts, also when mail fails', async () => {
    mailbox.status = 500
    const known = await scene.send('POST', '/api/password/reset', { email: emails.david })
    const unknown = await scene.send('POST', '/api/password/reset', { email: 'nobody@example.com' })
    expect(known.status).toBe(unknown.status)
    expect(known.body.code).toBe(unknown.body.code)
    expect(mailbox.mails.map(({ to, kind }) => [to, kind])).toEqual([
      [emails.david, 'reset'],
      ['nobody@example.com', 'unknown'],
    ])
    expect(mailbox.mails[1]!.token).toBeUndefined()
  })

  it('cannot make an invite worthless by signing up with its address', async () => {
    const { access_token } = await scene.signIn('amara')
    await scene.send('POST', '/api/invites', { userId: people.mei }, access_token)
    await scene.send('POST', '/api/sign-up', { email: 'mei@neon.example', name: 'Not Mei', tenantName: 'Trap' })
    const [invite, trap] = mailbox.mails.map(({ token }) => token)
    expect((await setPassword(invite)).status).toBe(204)
    expect((await setPassword(trap)).body.code).toBe('invite_invalid')
    const rows = await scene.sql(`select user_id from issuer.accounts where email = 'mei@neon.example'`)
    expect(rows).toEqual([{ user_id: people.mei }])
  })

  it('SEC-36 who is deleted is nobody from the next query on, and leaves no account', async () => {
    const { access_token } = await scene.signIn('amara')
    const created = { tenantId: tenants.neon, email: 'leaver@neon.example', name: 'Leaver', role: 'admin' }
    const { id } = (await scene.send('POST', '/api/users', created, access_token)).body
    await scene.send('POST', '/api/invites', { userId: id }, access_token)
    await setPassword(mailbox.mails[0]!.token)
    await scene.send('POST', '/api/invites', { userId: id }, access_token)
    const form = { grant_type: 'password', client_id: 'web', username: created.email, password: fresh }
    const leaver = (await scene.post('/api/token', form)).body
    expect(await scene.rowsWith(leaver.access_token)).toBe(200)
    // Who may not delete the row ends nothing.
    const { access_token: member } = await scene.signIn('david')
    expect((await scene.send('DELETE', `/api/users/${id}`, {}, member)).status).toBe(404)
    expect(await scene.rowsWith(leaver.access_token)).toBe(200)
    expect((await scene.send('DELETE', `/api/users/${id}`, {}, access_token)).status).toBe(204)
    expect(await scene.rowsWith(leaver.access_token)).toBe(401)
    const again = { grant_type: 'refresh_token', client_id: 'web', refresh_token: leaver.refresh_token }
    expect((await scene.post('/api/token', again)).body.error).toBe('invalid_grant')
    expect((await setPassword(mailbox.mails[1]!.token)).body.code).toBe('invite_invalid')
    for (const table of ['accounts', 'sessions', 'invites']) {
      expect(await scene.sql(`select from issuer.${table} where user_id = $1`, [id])).toEqual([])
    }
    expect(await scene.rowsWith(access_token)).toBe(200)
  })

  it('who was deleted and made anew can be invited, and the old sessions end', async () => {
    const { access_token } = await scene.signIn('amara')
    const make = async () =>
      String(
        (
          await scene.sql('insert into users (tenant_id, email, name) values ($1, $2, $3) returning id', [
            tenants.neon,
            'again@neon.example',
            'Again',
          ])
        )[0]!.id,
      )
    const first = await make()
    await scene.send('POST', '/api/invites', { userId: first }, access_token)
    await setPassword(mailbox.mails[0]!.token)
    const form = { grant_type: 'password', client_id: 'web', username: 'again@neon.example', password: fresh }
    const before = (await scene.post('/api/token', form)).body
    await scene.sql('delete from users where id = $1', [first])
    const second = await make()
    await scene.send('POST', '/api/invites', { userId: second }, access_token)
    expect(mailbox.mails[1]).toMatchObject({ kind: 'invite', token: expect.any(String) })
    expect((await setPassword(mailbox.mails[1]!.token)).status).toBe(204)
    expect(decodeJwt((await scene.post('/api/token', form)).body.access_token).sub).toBe(second)
    const [row] = await scene.sql('select count(*)::int as n from issuer.sessions where sid = $1', [
      decodeJwt(before.access_token).sid,
    ])
    expect(row).toEqual({ n: 0 })
  })

  it('SEC-30 is told in the words of OAuth that a body is too large, and that the issuer cannot log in', async () => {
    const large = await scene.post('/api/token', { grant_type: 'password', x: 'x'.repeat(17_000) })
    expect(large).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    let read = 0
    const endless = new ReadableStream({
      pull(to) {
        read++
        to.enqueue(new Uint8Array(1024))
      },
    })
    const said = { 'Content-Type': 'application/x-www-form-urlencoded', 'Content-Length': '20000000' }
    const early = await scene.ask('/api/token', {
      method: 'POST',
      body: endless,
      duplex: 'half',
      headers: said,
    } as RequestInit)
    expect(early).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    expect(read).toBeLessThan(3)
    const locked = await askApp(
      '/api/token',
      { method: 'POST', body: new URLSearchParams({ client_id: 'web', grant_type: 'password' }) },
      { ...scene.bindings, ISSUER_DATABASE_URL: scene.stack.database.issuerUrl.replace(/:[^:@]*@/, ':wrong@') },
    )
    expect(locked.status).toBe(500)
    expect(locked.headers.get('Content-Type')).toBe('application/json')
    expect(locked.headers.get('Cache-Control')).toBe('no-store')
    // Another try is refused too.
    expect(await locked.json()).toMatchObject({ error: 'server_error' })
  })

  it('SEC-34 uses up nothing where nothing can be signed, but for a token that comes again', async () => {
    const { PRIVATE_KEY: _, ...others } = scene.bindings
    // The ring of the database, which is empty.
    const keyless = { ...others, KEY_ENCRYPTION_KEYS: generateEncryptionKey('test') }
    const refresh = async (refresh_token: string, bindings: Bindings) => {
      const body = new URLSearchParams({ grant_type: 'refresh_token', client_id: 'web', refresh_token })
      const answer = await askApp('/api/token', { method: 'POST', body }, bindings)
      return { status: answer.status, body: (await answer.json()) as Record<string, string> }
    }
    const { refresh_token: first } = await scene.signIn('amara')
    expect(await refresh(first, keyless)).toMatchObject({ status: 500, body: { error: 'server_error' } })
    const { status, body } = await refresh(first, scene.bindings)
    expect(status).toBe(200)
    expect(await refresh(first, keyless)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    expect((await refresh(body.refresh_token!, scene.bindings)).status).toBe(400)
  })

  it.each([
    ['PUT', '/api/token'],
    ['OPTIONS', '/api/token'],
    ['GET', '/api/sign-out'],
    ['POST', '/api/nothing'],
  ])('finds nothing at %s %s, and leaves nothing in the log', async (method, path) => {
    expect(await scene.ask(path, { method })).toMatchObject({ status: 404, body: { code: 'path_unknown' } })
  })

  it('SEC-35 learns nothing by a token of our key whose session is no UUID', async () => {
    const david = { id: people.david, tenantId: tenants.neon, role: 'member' } as const
    const token = await scene.stack.sign(david, { sid: 'session_abc' })
    const service = { client_id: 'service', client_secret: scene.secrets.service }
    expect((await scene.post('/api/introspect', { token, ...service })).body).toEqual({ active: false })
    expect(await scene.post('/api/revoke', { token, client_id: 'web' })).toMatchObject({ status: 200 })
    expect((await scene.send('POST', '/api/sign-out', {}, token)).body.code).toBe('token_invalid')
  })

  it('is no service of the name of a person', async () => {
    await expect(
      scene.sql(`insert into issuer.clients (client_id, grant_types, scopes) values ($1, '{}', '{}')`, [people.david]),
    ).rejects.toMatchObject({ code: '23514' })
  })

  it('SEC-30 cannot count against another by a page of another site', async () => {
    const form = { grant_type: 'password', client_id: 'web', username: emails.david, password: 'wrong' }
    for (let turn = 0; turn < 9; turn++) {
      const headers = { 'Sec-Fetch-Site': 'cross-site', Origin: 'https://evil.example', 'X-Address': '192.0.2.9' }
      await scene.post('/api/token', form, headers)
    }
    const own = await scene.post('/api/token', { ...form, password }, { 'X-Address': '192.0.2.9' })
    expect(own.status).toBe(200)
  })

  it('SEC-30 is not another address for each text that it puts before its own', async () => {
    const form = { grant_type: 'password', client_id: 'web', username: emails.priya, password: 'wrong' }
    const statuses = []
    for (let turn = 0; turn < 6; turn++) {
      statuses.push((await scene.post('/api/token', form, { 'X-Address': `10.0.0.${turn}, 192.0.2.44` })).status)
    }
    expect(statuses).toEqual([400, 400, 400, 400, 400, 429])
  })
})
