import { decodeJwt } from 'jose'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { describePg } from '../../../packages/rowpass/test/support/pg.ts'
import { type Mailbox, startMailbox } from './mailbox.ts'
import { emails, password, people, type Scene, startScene, tenants } from './scene.ts'

const fresh = 'a password that is new 1'

describePg('accounts', () => {
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

  const newcomer = { email: 'Ada@Example.com', name: 'Ada', tenantName: 'Engines' }
  const signUp = (body: object = newcomer) => scene.send('POST', '/api/sign-up', body)
  const setPassword = (token: string | undefined, given = fresh) =>
    scene.send('POST', '/api/password', { token, password: given })
  const signIn = (username: string, given: string) =>
    scene.post('/api/token', { grant_type: 'password', client_id: 'web', username, password: given })

  describe('signing up', () => {
    it('sends a token, and makes the tenant and its admin when it comes back', async () => {
      const count = async () => (await scene.sql('select count(*)::int as n from users'))[0]?.n
      const before = await count()
      expect(await signUp()).toMatchObject({ status: 202, body: '' })
      expect(mailbox.mails).toEqual([
        { to: 'ada@example.com', kind: 'sign-up', token: expect.stringMatching(/^[\w-]{43}$/) },
      ])
      expect(await count()).toBe(before)
      expect((await setPassword(mailbox.mails[0]!.token)).status).toBe(204)
      const { body } = await signIn('ada@example.com', fresh)
      const claims = decodeJwt(body.access_token)
      expect(claims).toMatchObject({ role: 'admin' })
      const rows = await scene.sql(
        'select u.email, u.name, t.name as tenant from users u join tenants t on t.id = u.tenant_id where u.id = $1',
        [claims.sub],
      )
      expect(rows).toEqual([{ email: 'ada@example.com', name: 'Ada', tenant: 'Engines' }])
    })

    it('tells nobody that an address has an account: its owner gets a token for a new password', async () => {
      const [known, unknown] = [
        await signUp({ ...newcomer, email: emails.david }),
        await signUp({ ...newcomer, email: 'x@example.com' }),
      ]
      expect({ status: known.status, body: known.body }).toEqual({ status: unknown.status, body: unknown.body })
      expect(mailbox.mails.map(({ to, kind }) => [to, kind])).toEqual([
        [emails.david, 'reset'],
        ['x@example.com', 'sign-up'],
      ])
    })

    it('takes a token once, and the last one that was sent', async () => {
      await signUp({ ...newcomer, email: 'once@example.com' })
      await signUp({ ...newcomer, email: 'once@example.com' })
      const [first, last] = mailbox.mails.map(({ token }) => token)
      expect((await setPassword(first)).body.code).toBe('invite_invalid')
      const answers = await Promise.all([setPassword(last), setPassword(last)])
      expect(answers.map(({ status }) => status).sort()).toEqual([204, 400])
      const rows = await scene.sql(`select from users where email = 'once@example.com'`)
      expect(rows).toHaveLength(1)
    })

    it('refuses a token that has expired', async () => {
      await signUp({ ...newcomer, email: 'late@example.com' })
      await scene.sql(`update issuer.invites set expires_at = now() where email = 'late@example.com'`)
      expect((await setPassword(mailbox.mails[0]!.token)).body.code).toBe('invite_invalid')
    })

    it.each(['short', 'a'.repeat(20), 'x'.repeat(257), 'twelve chars\0'])(
      'refuses the password %j, and the token stays good',
      async (bad) => {
        await signUp({ ...newcomer, email: 'again@example.com' })
        const { status, body } = await setPassword(mailbox.mails[0]!.token, bad)
        expect({ status, code: body.code }).toEqual({ status: 422, code: 'input_invalid' })
        expect((await setPassword(mailbox.mails[0]!.token)).status).toBe(204)
        await scene.sql(`delete from issuer.accounts where email = 'again@example.com'`)
      },
    )

    it.each(['no address', 'a@b', '\u212aelvin@example.com'])('refuses the address %j', async (email) => {
      expect((await signUp({ ...newcomer, email })).status).toBe(422)
      expect(mailbox.mails).toEqual([])
    })

    it('keeps no token', async () => {
      await signUp({ ...newcomer, email: 'kept@example.com' })
      const kept = await scene.sql('select invites::text as text from issuer.invites')
      expect(JSON.stringify(kept)).not.toContain(mailbox.mails[0]!.token)
    })

    it('says so when the mail service fails, and tells no more', async () => {
      mailbox.status = 500
      expect(await signUp({ ...newcomer, email: 'failed@example.com' })).toMatchObject({
        status: 502,
        body: { code: 'mail_failed' },
      })
    })

    it('sends no more than a few messages to one address', async () => {
      const answers = []
      for (let turn = 0; turn < 7; turn++) answers.push(await signUp({ ...newcomer, email: 'flood@example.com' }))
      const fromElsewhere = await scene.ask('/api/sign-up', {
        method: 'POST',
        body: JSON.stringify({ ...newcomer, email: 'flood@example.com' }),
        headers: { 'Content-Type': 'application/json', 'X-Address': '192.0.2.1' },
      })
      expect(answers.every(({ status }) => status === 202)).toBe(true)
      expect(fromElsewhere.status).toBe(202)
      const where = { 'Content-Type': 'application/json', 'X-Address': '192.0.2.7' }
      const statuses = []
      for (let turn = 0; turn < 7; turn++) {
        const body = JSON.stringify({ ...newcomer, email: 'flood2@example.com' })
        statuses.push((await scene.ask('/api/sign-up', { method: 'POST', body, headers: where })).status)
      }
      expect(statuses).toEqual([202, 202, 202, 202, 202, 429, 429])
      // How long to wait is what the store says, and not a guess.
      await scene.sql(`update issuer.attempts set blocked_until = now() + interval '600 s' where blocked_until > now()`)
      const body = JSON.stringify({ ...newcomer, email: 'flood2@example.com' })
      const refused = await scene.ask('/api/sign-up', { method: 'POST', body, headers: where })
      expect(Number(refused.headers.get('Retry-After'))).toBeGreaterThan(500)
    })
  })

  describe('a forgotten password', () => {
    it('is replaced by a token out of a mail, which ends every session', async () => {
      const { access_token } = await scene.signIn('david')
      expect((await scene.send('POST', '/api/password/reset', { email: emails.david })).status).toBe(202)
      expect((await setPassword(mailbox.mails[0]!.token)).status).toBe(204)
      expect(await scene.rowsWith(access_token)).toBe(401)
      expect((await signIn(emails.david, password)).status).toBe(400)
      expect((await signIn(emails.david, fresh)).status).toBe(200)
      await scene.send('POST', '/api/password/reset', { email: emails.david })
      await setPassword(mailbox.mails[1]!.token, password)
    })

    it('is answered the same for an address without account, to which a message goes that sets nothing', async () => {
      const known = await scene.send('POST', '/api/password/reset', { email: emails.david })
      const unknown = await scene.send('POST', '/api/password/reset', { email: 'nobody@example.com' })
      expect({ status: known.status, body: known.body }).toEqual({ status: unknown.status, body: unknown.body })
      expect(mailbox.mails).toMatchObject([
        { to: emails.david, kind: 'reset' },
        { to: 'nobody@example.com', kind: 'unknown' },
      ])
      expect(mailbox.mails[1]!.token).toBeUndefined()
      expect(await scene.sql(`select from issuer.invites where email = 'nobody@example.com'`)).toEqual([])
    })
  })

  describe('an invite', () => {
    const invite = (token: string, userId: string) => scene.send('POST', '/api/invites', { userId }, token)

    it('of the admin goes to the address of the person, and makes their account', async () => {
      const { access_token } = await scene.signIn('amara')
      expect((await invite(access_token, people.mei)).status).toBe(202)
      expect(mailbox.mails).toMatchObject([{ to: 'mei@neon.example', kind: 'invite' }])
      expect((await setPassword(mailbox.mails[0]!.token)).status).toBe(204)
      const { body } = await signIn('mei@neon.example', fresh)
      expect(decodeJwt(body.access_token)).toMatchObject({ sub: people.mei, tenant_id: tenants.neon, role: 'member' })
    })

    it.each<[string, keyof typeof emails, string]>([
      ['a member', 'david', people.mei],
      ['the admin of another tenant', 'priya', people.mei],
      ['somebody who does not exist', 'amara', tenants.neon],
    ])('of %s is not found', async (_title, who, userId) => {
      const { access_token } = await scene.signIn(who)
      expect((await invite(access_token, userId)).body.code).toBe('not_found')
      expect(mailbox.mails).toEqual([])
    })

    it('to an address with an account of another tenant has no token, and changes nothing', async () => {
      const { access_token } = await scene.signIn('priya')
      const [row] = await scene.sql('insert into users (tenant_id, email, name) values ($1, $2, $3) returning id', [
        tenants.other,
        emails.david,
        'David again',
      ])
      expect((await invite(access_token, String(row!.id))).status).toBe(202)
      expect(mailbox.mails).toEqual([{ to: emails.david, kind: 'known' }])
      expect((await signIn(emails.david, password)).status).toBe(200)
    })
  })

  describe('changing the password', () => {
    const change = (token: string, currentPassword: string, given = fresh) =>
      scene.send('PUT', '/api/password', { currentPassword, password: given }, token)

    it('ends the other sessions, and leaves this one', async () => {
      const [mine, other] = [await scene.signIn('priya'), await scene.signIn('priya')]
      expect((await change(mine.access_token, password)).status).toBe(204)
      expect(await scene.rowsWith(mine.access_token)).toBe(200)
      expect(await scene.rowsWith(other.access_token)).toBe(401)
      expect((await signIn(emails.priya, password)).status).toBe(400)
      expect((await change(mine.access_token, fresh, password)).status).toBe(204)
    })

    it('asks for the current one, and counts the attempts', async () => {
      const { access_token } = await scene.signIn('priya')
      expect(await change(access_token, 'wrong')).toMatchObject({ status: 403, body: { code: 'password_wrong' } })
      expect((await change(access_token, password, 'short')).status).toBe(422)
    })

    it('is for people who are signed in', async () => {
      const { access_token } = await scene.signIn('priya')
      await scene.send('POST', '/api/sign-out', {}, access_token)
      expect((await change(access_token, password)).body.code).toBe('token_invalid')
      const { body } = await scene.post('/api/token', {
        grant_type: 'client_credentials',
        client_id: 'service',
        client_secret: scene.secrets.service,
      })
      expect((await change(body.access_token, password)).body.code).toBe('token_invalid')
      expect((await scene.send('PUT', '/api/password', {})).body.code).toBe('token_missing')
    })
  })

  describe('POST /api/sign-out', () => {
    const signOut = (token: string, body: object = {}) => scene.send('POST', '/api/sign-out', body, token)

    it('SEC-36 ends this session, and the very next query with its token fails', async () => {
      const [mine, other] = [await scene.signIn('david'), await scene.signIn('david')]
      expect(await scene.rowsWith(mine.access_token)).toBe(200)
      expect((await signOut(mine.access_token)).status).toBe(204)
      expect(await scene.rowsWith(mine.access_token)).toBe(401)
      expect(await scene.rowsWith(other.access_token)).toBe(200)
    })

    it('SEC-36 ends all sessions of the person', async () => {
      const [mine, other] = [await scene.signIn('david'), await scene.signIn('david')]
      expect((await signOut(mine.access_token, { everywhere: true })).status).toBe(204)
      expect(await scene.rowsWith(mine.access_token)).toBe(401)
      expect(await scene.rowsWith(other.access_token)).toBe(401)
    })

    it('SEC-36 ends those of somebody else, for the admin of their tenant', async () => {
      const [admin, david] = [await scene.signIn('amara'), await scene.signIn('david')]
      expect((await signOut(admin.access_token, { userId: people.david })).status).toBe(204)
      expect(await scene.rowsWith(david.access_token)).toBe(401)
      expect(await scene.rowsWith(admin.access_token)).toBe(200)
    })

    it('is refused to a member, to the admin of another tenant, and to one who is no admin any more', async () => {
      const [admin, other, david] = [
        await scene.signIn('amara'),
        await scene.signIn('priya'),
        await scene.signIn('david'),
      ]
      expect((await signOut(david.access_token, { userId: people.amara })).body.code).toBe('not_found')
      expect((await signOut(other.access_token, { userId: people.david })).body.code).toBe('not_found')
      await scene.sql(`update users set role = 'member' where id = $1`, [people.amara])
      expect((await signOut(admin.access_token, { userId: people.david })).body.code).toBe('not_found')
      await scene.sql(`update users set role = 'admin' where id = $1`, [people.amara])
      expect(await scene.rowsWith(david.access_token)).toBe(200)
    })
  })
})
