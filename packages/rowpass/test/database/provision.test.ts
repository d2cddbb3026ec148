import {
  appendFileSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type pg from 'pg'
import { afterAll, afterEach, beforeAll, beforeEach, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { type ProvisionOptions, provision, provisionIssuer } from '../../src/database/provision.ts'
import { createRoles } from '../../src/database/roles.ts'
import { issuerRoom, platformRooms, readSqlFiles, sqlRoot } from '../../src/database/sql-files.ts'
import type { FailureCode } from '../../src/errors.ts'
import {
  createTestDatabase,
  demo,
  describePg,
  isNoTestRole,
  postgresMajor,
  type TestDatabase,
  urlFor,
} from '../support/pg.ts'

const migrationsFolder = join(demo, 'drizzle')

describePg('a database that was provisioned', () => {
  let database: TestDatabase

  beforeAll(async () => {
    database = await createTestDatabase({ contents: 'bare' })
    const { name, ownerUrl, gatewayUrl, sealKeys } = database
    const run = () => provision({ ownerUrl, gatewayUrl, sealKeys, migrationsFolder, withIssuer: true })
    await run()
    // Logins of other tests on this server may use it no more, so that nobody but Rowpass has temporary tables.
    await query(
      database.superuserUrl,
      `revoke connect on database ${name} from public; grant connect on database ${name} to rowpass_gateway`,
    )
    await run()
  })
  afterAll(() => database.close())

  it.each([
    ['read a seal key', 'select * from rowpass.seal_keys'],
    ['read the list of migrations', 'select * from rowpass.migrations'],
    ['read a table', 'select * from tenants'],
    ['call the session function', 'select rowpass.session()'],
    ['create a schema', 'create schema mine'],
    ['create a table', 'create table public.mine ()'],
    ['create a temporary table', 'create temporary table mine ()'],
    ['become the owner', 'set role rowpass_owner'],
    ['create a role', 'create role mine'],
    ['let itself bypass policies', 'alter role rowpass_gateway bypassrls'],
  ])('SEC-38 does not let the gateway login %s', async (_title, sql) => {
    await expect(query(database.gatewayUrl, sql)).rejects.toMatchObject({ code: '42501' })
  })

  it.each([
    ['authenticated', 'select * from rowpass.seal_keys'],
    ['authenticated', 'create table public.mine ()'],
    ['authenticated', 'create temporary table mine ()'],
    ['authenticated', 'create schema mine'],
    ['anonymous', 'select * from tenants'],
    ['anonymous', 'create temporary table mine ()'],
  ])('SEC-58 does not let %s run "%s"', async (role, sql) => {
    const work = withConnection(database.gatewayUrl, async (client) => {
      await client.query(`set role ${role}`)
      await client.query(sql)
    })
    await expect(work).rejects.toMatchObject({ code: '42501' })
  })
})

describePg('provisioning a database', () => {
  let database: TestDatabase
  let scratch: string

  beforeEach(async () => {
    database = await createTestDatabase({ contents: 'bare' })
    scratch = mkdtempSync(join(tmpdir(), 'rowpass-provision-'))
  })
  afterEach(async () => {
    await database.close()
    rmSync(scratch, { recursive: true, force: true })
  })

  const run = (options: Partial<ProvisionOptions> = {}) => provision({ ...given(), ...options })
  const given = () => {
    const { ownerUrl, gatewayUrl, sealKeys } = database
    return { ownerUrl, gatewayUrl, sealKeys, migrationsFolder, withIssuer: true }
  }
  const asOwner = (sql: string) => query(database.ownerUrl, sql)
  const asSuperuser = (sql: string) => query(database.superuserUrl, sql)

  it('applies platform SQL and application migrations to an empty database, as an owner that is no superuser', async () => {
    expect(await asOwner('select rolsuper, rolcreaterole from pg_roles where rolname = current_user')).toEqual([
      { rolsuper: false, rolcreaterole: true },
    ])
    const report = await run()
    expect(report.platform.filter((name) => /\d/.test(name))).toEqual([
      'database/0001_records.sql',
      'seal/0001_seal.sql',
      'seal/0002_identities.sql',
      'seal/0003_identities_of_one.sql',
      'issuer/0001_issuer.sql',
      'issuer/0002_signing_keys.sql',
    ])
    expect(report.platform).toContain('seal/claims.sql')
    expect(report.application).toBeGreaterThan(0)
    expect(await asOwner(`select to_regclass('public.tenants') is not null as there`)).toEqual([{ there: true }])
  })

  it('changes nothing when it runs again', async () => {
    await run()
    const before = await snapshot(database)
    expect(await run()).toEqual({ platform: [], application: 0 })
    expect(await snapshot(database)).toEqual(before)
  })

  it('can run several times at once', async () => {
    const reports = await Promise.all(Array.from({ length: 4 }, () => run()))
    expect(reports.filter(({ platform }) => platform.length > 0)).toHaveLength(1)
    expect(reports.filter(({ application }) => application > 0)).toHaveLength(1)
  })

  it('can run for several databases of a cluster at once, although they share the roles', async () => {
    const login = `gateway_${database.name.slice(-10)}`
    const others = await Promise.all(Array.from({ length: 4 }, () => createTestDatabase({ contents: 'bare' })))
    try {
      const runs = others.map(({ name, ownerUrl, sealKeys }) =>
        provision({ ownerUrl, sealKeys, gatewayUrl: urlFor(name, login, 'shared-password') }),
      )
      await Promise.all(runs)
      expect(await asSuperuser(`select rolname from pg_roles where rolname = '${login}'`)).toHaveLength(1)
    } finally {
      await Promise.all(others.map((other) => other.close()))
      await asSuperuser(`drop role if exists ${login}`)
    }
  })

  it('waits for another run and says so', async () => {
    const notes: string[] = []
    await withConnection(database.ownerUrl, async (client) => {
      await client.query('select pg_advisory_lock(32210706122240883)')
      const waiting = run({ onProgress: (text) => notes.push(text) })
      await expect.poll(() => notes).toEqual(['waiting for another migration of this database to end'])
      await client.query('select pg_advisory_unlock(32210706122240883)')
      await waiting
    })
  })

  it('SEC-38 makes a gateway login that has no rights of its own', async () => {
    await run()
    const [login] = await asSuperuser(
      `select rolcanlogin, rolinherit, rolsuper, rolbypassrls, rolcreatedb, rolcreaterole, rolreplication
         from pg_roles where rolname = 'rowpass_gateway'`,
    )
    expect(login).toEqual({
      rolcanlogin: true,
      rolinherit: false,
      rolsuper: false,
      rolbypassrls: false,
      rolcreatedb: false,
      rolcreaterole: false,
      rolreplication: false,
    })
    const memberships = await asSuperuser(
      `select to_jsonb(m) - 'oid' - 'roleid' - 'member' - 'grantor' || jsonb_build_object('role', roleid::regrole) as row
         from pg_auth_members m where member = 'rowpass_gateway'::regrole and ${isNoTestRole} order by roleid::regrole::text`,
    )
    const options = postgresMajor() >= 16 ? { inherit_option: false, set_option: true } : {}
    expect(memberships).toEqual([
      { row: { role: 'anonymous', admin_option: false, ...options } },
      { row: { role: 'authenticated', admin_option: false, ...options } },
    ])
  })

  it('sets the password of the login, and never sends it to the server', async () => {
    const password = `canary-${database.name}`
    const gatewayUrl = urlFor(database.name, `gateway_${database.name.slice(-10)}`, password)
    const sent = await recordStatements(database, () => run({ gatewayUrl }))
    expect(sent.some((sql) => sql.includes('SCRAM-SHA-256$4096:'))).toBe(true)
    expect(sent.join('\n')).not.toContain(password)
    expect(await query(gatewayUrl, 'select current_user as me')).toHaveLength(1)
    await asSuperuser(`drop role ${new URL(gatewayUrl).username}`)
  })

  it('names no role of our own issuer in a database that has another', async () => {
    const sent = await recordStatements(database, () =>
      run({ withIssuer: false, migrationsFolder: join(scratch, 'none') }),
    )
    expect(sent.join('\n')).toContain('authenticated')
    expect(sent.join('\n')).not.toContain('rowpass_issuer')
    expect(
      await asOwner(`select to_regnamespace('issuer') as schema, to_regclass('rowpass.key_ring') as ring`),
    ).toEqual([{ schema: null, ring: null }])
  })

  it('replaces the password of an existing login only when it is told to', async () => {
    const login = `gateway_${database.name.slice(-10)}`
    const first = urlFor(database.name, login, 'first')
    const second = urlFor(database.name, login, 'second')
    try {
      await run({ gatewayUrl: first })
      await expectFailure(run({ gatewayUrl: second }), 'login_exists', login)
      // That there is no room for it says nothing of the password.
      await asSuperuser(`alter role ${login} connection limit 0`)
      await expectFailure(run({ gatewayUrl: first }), 'database_unavailable', 'too many connections')
      await asSuperuser(`alter role ${login} connection limit -1`)
      expect(await query(first, 'select 1 as one')).toEqual([{ one: 1 }])
      await run({ gatewayUrl: second, replaceGatewayPassword: true })
      expect(await query(second, 'select 1 as one')).toEqual([{ one: 1 }])
      await expect(query(first, 'select 1')).rejects.toMatchObject({ code: 'database_unavailable' })
    } finally {
      await asSuperuser(`drop role if exists ${login}`)
    }
  })

  const unsafe: [string, string, string][] = [
    ['is a superuser', 'alter role $ superuser', 'is a superuser'],
    ['bypasses policies', 'alter role $ bypassrls', 'has BYPASSRLS'],
    ['may create roles', 'alter role $ createrole', 'has CREATEROLE'],
    ['may create databases', 'alter role $ createdb', 'has CREATEDB'],
    ['may replicate', 'alter role $ replication', 'has REPLICATION'],
    ['inherits', 'alter role $ inherit', 'inherits rights'],
    ['has a predefined role', 'grant pg_read_all_data to $', 'through pg_read_all_data has the rights of a predefined'],
    ['is a member of a role that bypasses policies', 'grant strong_# to $', 'through strong_# has BYPASSRLS'],
    ['is a member of a harmless role', 'grant weak_# to $', 'is a member of weak_#'],
    ['owns a table', 'create table t (); alter table t owner to $', 'owns table t'],
    ['has a right on a table', 'create table t (); grant select on t to $', 'has rights on table t'],
    ['may grant a request role', 'grant authenticated to $ with admin option', 'may grant authenticated'],
  ]

  it.each(unsafe)('SEC-38 refuses an existing login that %s, and changes no password', async (_title, sql, detail) => {
    const id = database.name.slice(-10)
    const login = `gateway_${id}`
    const gatewayUrl = urlFor(database.name, login, 'password')
    await asSuperuser(`create role strong_${id} bypassrls; create role weak_${id}`)
    try {
      await run({ gatewayUrl })
      await asSuperuser(sql.replaceAll('$', login).replaceAll('#', id))
      await expectFailure(run({ gatewayUrl }), 'role_unsafe', detail.replaceAll('#', id))
    } finally {
      await asSuperuser(`drop owned by ${login}; drop role ${login}, strong_${id}, weak_${id}`)
    }
  })

  it('SEC-38 refuses request roles that may become the owner', async () => {
    await run()
    // Roles are shared with the tests that run beside this one, who see nothing of a transaction.
    await withConnection(database.superuserUrl, async (client) => {
      await client.query(
        'begin; create role another_owner; grant another_owner to authenticated; set local role another_owner',
      )
      await expect(createRoles(client)).rejects.toMatchObject({
        code: 'role_unsafe',
        detail: expect.stringContaining('authenticated through another_owner has the rights of the owner'),
      })
      await client.query('rollback')
    })
  })

  it.each([
    ['140099', '14.99'],
    ['190000', '19.0'],
  ])('refuses a server that says it is %s', async (number, version) => {
    // A server of that version, as far as the check can tell: a function of ours is found before the built-in one.
    await asOwner('create schema before')
    await asOwner(`create function before.current_setting(name text) returns text language sql as $$
      select case name when 'server_version_num' then '${number}' else '${version}' end $$`)
    const ownerUrl = `${database.ownerUrl}?options=${encodeURIComponent('-c search_path=before,pg_catalog')}`
    await expectFailure(run({ ownerUrl }), 'server_unsupported', `this server is PostgreSQL ${version}`)
    expect(await asOwner(`select to_regnamespace('rowpass') as found`)).toEqual([{ found: null }])
  })

  it('refuses an owner as the gateway login', async () => {
    await expectFailure(run({ gatewayUrl: database.ownerUrl }), 'config_invalid', 'must not log in as the owner')
  })

  it('refuses an owner that may not create roles, and says what it needs', async () => {
    const id = database.name.slice(-10)
    await asSuperuser(
      `create role plain_${id} login password 'plain'; alter database ${database.name} owner to plain_${id}`,
    )
    try {
      const ownerUrl = urlFor(database.name, `plain_${id}`, 'plain')
      const gatewayUrl = urlFor(database.name, `gateway_${id}`, 'password')
      await expectFailure(run({ ownerUrl, gatewayUrl }), 'owner_powerless', 'it needs CREATEROLE')
    } finally {
      await asSuperuser(`alter database ${database.name} owner to rowpass_owner`)
      await asSuperuser(`drop owned by plain_${id}; drop role plain_${id}`)
    }
  })

  it('works with a superuser as the owner', async () => {
    const report = await run({ ownerUrl: database.superuserUrl })
    expect(report.platform.length).toBeGreaterThan(0)
  })

  it('refuses to go on when a numbered file that was applied was edited', async () => {
    const root = copySql(scratch)
    await run({ sqlRoot: root })
    appendFileSync(join(root, 'seal/sql/0001_seal.sql'), '-- a harmless comment\n')
    await expectFailure(run({ sqlRoot: root }), 'migration_changed', 'seal/0001_seal.sql')
  })

  it('replaces the functions of a file that was edited, and no others', async () => {
    const root = copySql(scratch)
    await run({ sqlRoot: root })
    const file = join(root, 'seal/sql/casts.sql')
    writeFileSync(file, readFileSync(file, 'utf8').replace("when value = '0' then 0", "when value = '0' then 7"))
    expect(await run({ sqlRoot: root })).toEqual({ platform: ['seal/casts.sql'], application: 0 })
    expect(await asOwner(`select rowpass.to_bigint('0') as n`)).toEqual([{ n: '7' }])
    expect((await run()).platform).toEqual(['seal/casts.sql'])
    expect(await asOwner(`select rowpass.to_bigint('0') as n`)).toEqual([{ n: '0' }])
  })

  it('does not take other line ends for an edit', async () => {
    const root = copySql(scratch)
    await run({ sqlRoot: root })
    for (const file of ['seal/sql/0001_seal.sql', 'seal/sql/claims.sql', 'database/sql/revision.sql']) {
      writeFileSync(join(root, file), readFileSync(join(root, file), 'utf8').replaceAll('\n', '\r\n'))
    }
    expect(await run({ sqlRoot: root })).toEqual({ platform: [], application: 0 })
  })

  it('leaves alone what a later version has prepared, where only a function is new too', async () => {
    const root = copySql(scratch)
    const file = join(root, 'database/sql/revision.sql')
    writeFileSync(file, readFileSync(file, 'utf8').replace(/return (\d+);/, 'return 9000;'))
    await run({ sqlRoot: root })
    const before = await snapshot(database)
    await expectFailure(run(), 'database_newer', 'its SQL has revision 9000, ours is')
    await expectFailure(provisionIssuer({ ownerUrl: database.ownerUrl }), 'database_newer', '9000')
    expect(await snapshot(database)).toEqual(before)
  })

  it('leaves alone what has a numbered file that is unknown here', async () => {
    const root = copySql(scratch)
    writeFileSync(join(root, 'seal/sql/9000_later.sql'), 'select 1;\n')
    await run({ sqlRoot: root })
    await expectFailure(run(), 'database_newer', 'it has seal/9000_later.sql')
  })

  it('leaves no trace of a file that fails, and none of those before it', async () => {
    const root = copySql(scratch)
    writeFileSync(join(root, 'seal/sql/9000_broken.sql'), 'create table half_made ();\nselect 1 / 0;\n')
    await expectFailure(run({ sqlRoot: root }), 'migration_failed', 'seal/9000_broken.sql: division by zero')
    expect(await asOwner(`select to_regclass('half_made') as found, to_regnamespace('rowpass') as schema`)).toEqual([
      { found: null, schema: null },
    ])
    await run()
  })

  it('leaves a file out, unrecorded, while the extension that replaces it is installed', async () => {
    const root = copySql(scratch)
    const file = join(root, 'seal/sql/auth.sql')
    writeFileSync(file, readFileSync(file, 'utf8').replace('pg_session_jwt', 'plpgsql'))
    // What the extension would have brought.
    await asOwner(
      `create schema auth; create function auth.session() returns jsonb language sql return '{"sub":"x"}'::jsonb`,
    )
    const { platform } = await run({ sqlRoot: root, withIssuer: false, migrationsFolder: join(scratch, 'none') })
    expect(platform).toContain('seal/typed_claims.sql')
    expect(platform).not.toContain('seal/auth.sql')
    expect(await asOwner(`select to_regprocedure('auth.uid()') as found`)).toEqual([{ found: null }])
    expect(await asOwner(`select name from rowpass.migrations where name = 'seal/auth.sql'`)).toEqual([])
    expect((await run()).platform).toContain('seal/auth.sql')
  })

  it('leaves a file out, unrecorded, while its schema is closed to the owner', async () => {
    await run()
    await asOwner(`delete from rowpass.migrations where name = 'seal/typed_claims.sql'`)
    await asSuperuser('alter schema auth owner to postgres')
    expect((await run()).platform).toEqual([])
    await asSuperuser('grant usage, create on schema auth to rowpass_owner')
    expect((await run()).platform).toEqual(['seal/typed_claims.sql'])
  })

  it('names every file of SQL that lies in the rooms, but the one of "db harden"', () => {
    const rooms = ['database', 'seal', 'issuer']
    const there = rooms.flatMap((room) => readdirSync(join(sqlRoot, room, 'sql')).map((file) => `${room}/${file}`))
    const named = readSqlFiles([...platformRooms, issuerRoom]).map(({ name }) => name)
    expect([...named, 'database/schema_changes.sql'].sort()).toEqual(there.sort())
  })

  it('leaves no trace of application migrations that fail, and shows no statement', async () => {
    const folder = join(scratch, 'drizzle')
    mkdirSync(join(folder, 'meta'), { recursive: true })
    const entries = [{ idx: 0, version: '7', when: 1, tag: '0000_bad', breakpoints: true }]
    writeFileSync(
      join(folder, 'meta', '_journal.json'),
      JSON.stringify({ version: '7', dialect: 'postgresql', entries }),
    )
    writeFileSync(
      join(folder, '0000_bad.sql'),
      `create table half_made ();\n--> statement-breakpoint\nselect 'canary' / 0;`,
    )
    const failure = await expectFailure(run({ migrationsFolder: folder }), 'migration_failed', '(22P02)')
    expect(failure.detail).not.toContain('select')
    expect(await asOwner(`select to_regclass('half_made') as found`)).toEqual([{ found: null }])
  })

  it('installs the seal keys it is given, and keeps others', async () => {
    await run()
    await asOwner(`insert into rowpass.seal_keys (name, inner_pad, outer_pad)
                   values ('other', decode(repeat('00', 64), 'hex'), decode(repeat('00', 64), 'hex'))`)
    await run()
    expect(await asOwner('select name from rowpass.seal_keys order by name')).toEqual([
      { name: 'other' },
      { name: 'spare' },
      { name: 'test' },
    ])
  })

  const unreachable: [string, (url: URL) => void, string][] = [
    ['a port where nothing listens', (url) => (url.port = '1'), '127.0.0.1:1/'],
    ['a wrong password', (url) => (url.password = 'canary'), 'password authentication failed'],
    ['a database that does not exist', (url) => (url.pathname = '/nowhere'), 'database "nowhere" does not exist'],
  ]
  it.each(unreachable)('explains %s in one line without the password', async (_title, change, detail) => {
    const url = new URL(database.ownerUrl)
    change(url)
    const failure = await expectFailure(run({ ownerUrl: url.href }), 'database_unavailable', detail)
    expect(failure.detail).not.toContain(url.password)
  })

  it.each(['nonsense', 'https://example.com', 'postgresql:///rowpass', ''])(
    'refuses the URL "%s" unread',
    async (ownerUrl) => {
      await expectFailure(run({ ownerUrl }), 'config_invalid', 'postgresql://user:password@host:5432/name')
    },
  )
})

async function query(url: string, sql: string): Promise<Record<string, unknown>[]> {
  return withConnection(url, async (client: pg.Client) => {
    const result: unknown = await client.query(sql)
    return Array.isArray(result) ? [] : (result as pg.QueryResult).rows
  })
}

async function expectFailure(
  work: Promise<unknown>,
  code: FailureCode,
  detail: string,
): Promise<{ code: FailureCode; detail: string }> {
  const failure = await work.then(
    () => expect.fail('it went through'),
    (error) => error,
  )
  expect(failure).toMatchObject({ name: 'Failure', code, detail: expect.stringContaining(detail) })
  return failure
}

function copySql(scratch: string): string {
  const root = join(scratch, 'rooms')
  for (const room of ['database', 'seal', 'issuer']) {
    cpSync(join(sqlRoot, room, 'sql'), join(root, room, 'sql'), { recursive: true })
  }
  return root
}

/** Everything that a second run could touch, with the transaction that wrote it last. */
async function snapshot(database: TestDatabase): Promise<unknown> {
  const tables = ['rowpass.migrations', 'rowpass.seal_keys', 'drizzle.__drizzle_migrations']
  const rows = await Promise.all(tables.map((name) => query(database.superuserUrl, `select xmin, * from ${name}`)))
  const roles = await query(
    database.superuserUrl,
    `select xmin, rolname, rolpassword from pg_authid where rolname in ('authenticated', 'anonymous', 'rowpass_gateway')`,
  )
  const acl = await query(
    database.superuserUrl,
    `select d.datacl::text, n.nspacl::text from pg_database d, pg_namespace n
      where d.datname = current_database() and n.nspname = 'public'`,
  )
  return { rows, roles, acl }
}

/** The text of all statements that the owner's connections send meanwhile, as PostgreSQL itself sees them. */
async function recordStatements(database: TestDatabase, work: () => Promise<unknown>): Promise<string[]> {
  const { default: pgModule } = await import('pg')
  const sent: string[] = []
  const original = pgModule.Client.prototype.query
  pgModule.Client.prototype.query = function record(this: pg.Client, ...args: unknown[]) {
    sent.push(JSON.stringify(args[0]))
    return Reflect.apply(original, this, args)
  } as typeof original
  try {
    await work()
  } finally {
    pgModule.Client.prototype.query = original
  }
  expect(sent.length, database.name).toBeGreaterThan(5)
  return sent
}
