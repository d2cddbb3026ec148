import { neon } from '@neondatabase/serverless'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { withConnection } from '../../../packages/rowpass/src/database/connect.ts'
import { describePg } from '../../../packages/rowpass/test/support/pg.ts'
import { askApp } from '../conform.ts'
import { emails, people, type Scene, startScene, tenants } from './scene.ts'

describePg('whoever has the login of the issuer', () => {
  let scene: Scene

  beforeAll(async () => {
    scene = await startScene()
  })
  afterAll(() => scene.close())

  const overGateway = (text: string) => neon(scene.stack.database.issuerUrl).query(text)
  const direct = (text: string) =>
    withConnection(scene.stack.database.issuerUrl, async (client) => (await client.query(text)).rows)

  it('reads what a token says of people, and not their names', async () => {
    expect(await overGateway('select id, tenant_id, email, role from users')).not.toHaveLength(0)
    await expect(overGateway('select name from users')).rejects.toMatchObject({ code: '42501' })
    await expect(overGateway('select name from tenants')).rejects.toMatchObject({ code: '42501' })
  })

  it.each([
    `update users set role = 'admin'`,
    `insert into memberships (user_id, tenant_id) values ('${people.david}', '${tenants.other}')`,
    'delete from memberships',
    `insert into users (id, tenant_id, email, name, role) values (gen_random_uuid(), '${tenants.neon}', 'x@y.z', 'X', 'member')`,
    'select * from issuer.accounts',
    'select * from issuer.clients',
    'select * from issuer.refresh_tokens',
    'select * from issuer.invites',
    'select * from issuer.attempts',
    'select * from rowpass.seal_keys',
    'select * from rowpass.revoked_sessions',
    `select issuer.count_failure('x', 1, '1 s')`,
    `select issuer.blocked_until('x', 'x', 'x')`,
    'set role authenticated',
    'set session authorization rowpass_owner',
    'alter role rowpass_issuer superuser',
    'create temporary table users ()',
    'create schema issuer_two',
    `create function issuer.end_session(text) returns int language sql return 1`,
    `copy (select 1) to program 'true'`,
  ])('SEC-30 may not: %s', async (text) => {
    await expect(overGateway(text)).rejects.toMatchObject({ code: expect.stringMatching(/^42(501|704)$/) })
    await expect(direct(text)).rejects.toMatchObject({ code: expect.stringMatching(/^42(501|704)$/) })
  })

  it('SEC-52 cannot lead a function of the owner astray by its search path', async () => {
    const functions = await scene.sql(
      `select proname, prosecdef, proconfig::text as config from pg_proc
        where pronamespace = 'issuer'::regnamespace and not proname in ('count_failure', 'blocked_until') order by 1`,
    )
    expect(functions.length).toBeGreaterThan(15)
    for (const { prosecdef, config } of functions) {
      expect({ prosecdef, config }).toEqual({ prosecdef: true, config: '{"search_path=pg_catalog, pg_temp"}' })
    }
    const callers = await scene.sql(
      `select distinct coalesce(nullif(grantee, 0)::regrole::text, 'PUBLIC') as who
         from pg_proc, aclexplode(proacl) where pronamespace = 'issuer'::regnamespace order by 1`,
    )
    expect(callers).toEqual([{ who: 'rowpass_issuer' }, { who: 'rowpass_owner' }])
  })

  it('SEC-25 finds no secret in the log, and no address of anybody', async () => {
    const { access_token, refresh_token } = await scene.signIn('david')
    await scene.post('/api/token', { grant_type: 'refresh_token', client_id: 'web', refresh_token })
    await scene.post('/api/token', { grant_type: 'refresh_token', client_id: 'web', refresh_token })
    await scene.post('/api/token', {
      grant_type: 'password',
      client_id: 'web',
      username: emails.david,
      password: 'canary',
    })
    const said = JSON.stringify(scene.log())
    for (const secret of [access_token, refresh_token, 'canary', emails.david, scene.secrets.service]) {
      expect(said).not.toContain(secret)
    }
    expect(said).toContain('refresh_token_reused')
  })

  it('blames neither the client nor the database when the login of the issuer is refused', async () => {
    const wrong = scene.stack.database.issuerUrl.replace(/:[^:@]*@/, ':wrong@')
    const body = new URLSearchParams({ grant_type: 'client_credentials', client_id: 'service', client_secret: 'x' })
    const answer = await askApp(
      '/api/token',
      { method: 'POST', body },
      { ...scene.bindings, ISSUER_DATABASE_URL: wrong },
    )
    expect(answer.status).toBe(500)
    // Not that the database cannot be reached: another try is no help.
    expect(await answer.json()).toMatchObject({ code: 'internal' })
  })

  it('a person who holds a token is not the issuer', async () => {
    const { access_token } = await scene.signIn('amara')
    const sql = neon(scene.bindings.DATABASE_URL!, { authToken: access_token })
    for (const text of [
      `select issuer.end_session('${people.david}')`,
      `select issuer.account_of('${emails.david}')`,
      'select * from issuer.accounts',
    ]) {
      await expect(sql.query(text)).rejects.toMatchObject({ code: '42501' })
    }
  })
})
