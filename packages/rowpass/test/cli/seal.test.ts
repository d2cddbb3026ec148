import { randomBytes } from 'node:crypto'
import { neon } from '@neondatabase/serverless'
import { afterEach, beforeEach, expect, inject, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { createSeal } from '../../src/seal/create-seal.ts'
import { sealed } from '../../src/seal/sealed.ts'
import { pointDriverAt } from '../conformance/snippets/point-driver.ts'
import { createSandbox, type Sandbox } from '../support/cli.ts'
import { startTestGateway } from '../support/gateway.ts'
import { createTestDatabase, describePg, type TestDatabase } from '../support/pg.ts'

describePg('a database for an application that seals, on the command line', () => {
  let sandbox: Sandbox
  let database: TestDatabase
  let ownerUrl: string
  const name = `neondb_owner_${randomBytes(4).toString('hex')}`

  const query = (url: string, sql: string) =>
    withConnection(url, async (client) => (await client.query<Record<string, unknown>>(sql)).rows)

  /**
   * As Neon's own: no superuser, with CREATEROLE, a member of a role with rights that it does not give on. The roles of
   * requests are there already, as tests share them; whoever makes them may give them on.
   */
  beforeEach(async () => {
    sandbox = createSandbox()
    await (await createTestDatabase({ contents: 'platform' })).close()
    database = await createTestDatabase({ contents: 'bare' })
    await query(
      database.superuserUrl,
      `create role ${name}_superuser createdb createrole nologin replication bypassrls in role pg_read_all_data, pg_write_all_data;
       create role ${name} login createdb createrole password 'of-the-owner' in role ${name}_superuser;
       grant authenticated, anonymous to ${name} with admin option;
       alter database ${database.name} owner to ${name};
       alter database ${database.name} set neon.forward_ddl = on;
       revoke temporary on database ${database.name} from public`,
    )
    ownerUrl = Object.assign(new URL(database.ownerUrl), { username: name, password: 'of-the-owner' }).href
  })
  afterEach(async () => {
    sandbox.remove()
    await database.close()
    await withConnection(inject('superuserUrl'), async (client) => {
      await client.query(`drop role if exists ${login}`)
      await client.query(`drop owned by ${name}; drop role ${name}; drop role ${name}_superuser`)
    })
  })

  const login = `rowpass_app_${randomBytes(4).toString('hex')}`
  const settings = () => ({
    OWNER_DATABASE_URL: ownerUrl,
    ROWPASS_DATABASE_URL: Object.assign(new URL(ownerUrl), { username: login, password: 'of-the-application' }).href,
  })

  it('from the connection string of the owner to the first row', async () => {
    const { code, stderr, stdout } = await sandbox.run(['db', 'migrate', '--seal'], settings())
    expect({ code, stderr }).toMatchObject({
      code: 0,
      stderr: expect.stringContaining('"rowpass env --sealed" prints'),
    })
    expect(stdout).toContain('applied seal/auth.sql\n')
    await query(
      ownerUrl,
      `create table notes (id int primary key, owner text not null);
       alter table notes enable row level security;
       create policy own on notes to authenticated using (owner = (select auth.user_id()));
       grant select on notes to authenticated;
       insert into notes values (1, 'ada'), (2, 'bob')`,
    )

    const env = await sandbox.run(['env', '--sealed', '--json'], settings())
    const { ROWPASS_DATABASE_URL, ROWPASS_SEAL_KEYS, ...rest } = JSON.parse(env.stdout)
    expect(rest).toEqual({})
    const gateway = await startTestGateway(database, {
      ROWPASS_DATABASE_URL,
      ROWPASS_SEAL_KEYS,
      ROWPASS_PASSWORD_MODE: 'true',
    })
    try {
      pointDriverAt(new URL(gateway.url))
      const sql = neon(Object.assign(new URL(ROWPASS_DATABASE_URL), { hostname: 'db.example.test', port: '' }).href)
      const identity = await createSeal({ keys: ROWPASS_SEAL_KEYS })({ sub: 'ada', exp: Date.now() / 1000 + 60 })
      expect(await sealed(sql, identity)`select id from notes`).toEqual([{ id: 1 }])
    } finally {
      await gateway.close()
    }
  })

  it('SEC-38 the login has no power, and its password goes in plain only to a server that takes no other', async () => {
    await query(database.superuserUrl, `alter database ${database.name} set password_encryption = md5`)
    expect((await sandbox.run(['db', 'migrate', '--seal'], settings())).code).toBe(0)
    const [role] = await query(
      database.superuserUrl,
      `select rolsuper or rolinherit or rolcreaterole or rolcreatedb or rolbypassrls or rolreplication as powers,
              rolconnlimit as connections, left(rolpassword, 3) as stored,
              (select array_agg(roleid::regrole::text order by roleid::regrole::text) from pg_auth_members where member = a.oid) as roles
         from pg_authid a where rolname = '${login}'`,
    )
    // Here the server was told to keep MD5, which shows that it has made the secret itself.
    expect(role).toEqual({ powers: false, connections: -1, stored: 'md5', roles: ['anonymous', 'authenticated'] })
    await query(database.superuserUrl, `alter database ${database.name} reset neon.forward_ddl; drop role ${login}`)
    expect((await sandbox.run(['db', 'migrate', '--seal'], settings())).code).toBe(0)
    const [again] = await query(
      database.superuserUrl,
      `select left(rolpassword, 13) as stored from pg_authid where rolname = '${login}'`,
    )
    expect(again).toEqual({ stored: 'SCRAM-SHA-256' })
  })

  it('a schema auth that is somebody else’s is left alone, as on Supabase', async () => {
    await query(
      database.superuserUrl,
      `create schema auth; grant usage on schema auth to public;
       create function auth.uid() returns uuid language sql return null::uuid`,
    )
    const { code, stdout } = await sandbox.run(['db', 'migrate', '--seal'], settings())
    expect(code).toBe(0)
    expect(stdout).toContain('applied seal/claims.sql\n')
    expect(stdout).not.toContain('auth.sql')
    const [count] = await query(
      ownerUrl,
      `select count(*)::int as n from pg_proc where pronamespace = 'auth'::regnamespace`,
    )
    expect(count).toEqual({ n: 1 })
  })

  it('what is left open is said by "db harden --seal", for the login of the application', async () => {
    await sandbox.run(['db', 'migrate', '--seal'], settings())
    const { steps } = JSON.parse((await sandbox.run(['db', 'harden', '--seal', '--json'], settings())).stdout)
    const stateOf = Object.fromEntries(steps.map(({ name, state }: { name: string; state: string }) => [name, state]))
    expect(stateOf).toMatchObject({ temporary_tables: 'closed', temporary_files: 'refused' })
    expect(stateOf).not.toHaveProperty('connection_limit')
    expect(steps.find(({ name }: { name: string }) => name === 'temporary_files').sql).toContain(
      `alter role "${login}" in database "${database.name}" set temp_file_limit = '1GB'`,
    )
  })
})
