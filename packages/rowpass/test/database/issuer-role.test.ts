import { afterAll, beforeAll, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { provision } from '../../src/database/provision.ts'
import { createTestDatabase, describePg, type TestDatabase, urlFor } from '../support/pg.ts'

describePg('the login of the issuer', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase()
  })
  afterAll(() => database.close())

  const query = (url: string, sql: string) => withConnection(url, async (client) => (await client.query(sql)).rows)

  it('SEC-38 has no power, no membership, and owns nothing', async () => {
    const role = await query(
      database.superuserUrl,
      `select rolcanlogin, rolinherit, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication,
              (select count(*)::int from pg_auth_members where member = pg_roles.oid) as memberships,
              (select count(*)::int from pg_shdepend where refobjid = pg_roles.oid and deptype = 'o') as owned
         from pg_roles where rolname = 'rowpass_issuer'`,
    )
    expect(role).toEqual([
      {
        rolcanlogin: true,
        rolinherit: false,
        rolsuper: false,
        rolbypassrls: false,
        rolcreatedb: false,
        rolcreaterole: false,
        rolreplication: false,
        memberships: 0,
        owned: 0,
      },
    ])
  })

  it.each([
    ['read a seal key', 'select * from rowpass.seal_keys'],
    ['read who was signed out', 'select * from rowpass.revoked_sessions'],
    ['call the session function', 'select rowpass.session()'],
    ['read hashes of passwords', 'select password_hash from issuer.accounts'],
    ['read hashes of client secrets', 'select secret_hash from issuer.clients'],
    ['read refresh tokens', 'select hash from issuer.refresh_tokens'],
    ['end a session by hand', 'delete from issuer.sessions'],
    ['make a client', `insert into issuer.clients (client_id, grant_types, scopes) values ('x', '{}', '{}')`],
    ['make an invite', `insert into issuer.invites (hash, email, expires_at) values ('', 'a@b.c', now())`],
    ['forget failures', 'truncate issuer.attempts'],
    ['rename a user', `update users set name = 'x'`],
    ['delete a user', 'delete from users'],
    ['delete a tenant', 'delete from tenants'],
    ['create a table', 'create table public.mine ()'],
    ['create a temporary table', 'create temporary table mine ()'],
    ['create in its schema', 'create function issuer.mine() returns int language sql return 1'],
    ['become a role of requests', 'set role authenticated'],
    ['become the owner', 'set role rowpass_owner'],
    ['let itself bypass policies', 'alter role rowpass_issuer bypassrls'],
  ])('SEC-38 may not %s', async (_title, sql) => {
    await expect(query(database.issuerUrl, sql)).rejects.toMatchObject({ code: '42501' })
  })

  it('is made under its own name only', async () => {
    const { ownerUrl } = database
    const issuerUrl = urlFor(database.name, 'another_issuer', 'secret')
    await expect(provision({ ownerUrl, issuerUrl })).rejects.toMatchObject({
      code: 'config_invalid',
      detail: 'the issuer logs in as rowpass_issuer',
    })
  })
})
