import { randomBytes } from 'node:crypto'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { withConnection } from '../../src/database/connect.ts'
import { hardenDatabase, undoHardening } from '../../src/database/harden.ts'
import { provision } from '../../src/database/provision.ts'
import { createTestDatabase, describePg, type TestDatabase, urlFor } from '../support/pg.ts'

const everything = ['temporary_tables', 'schema_public', 'default_functions', 'functions'] as const

describePg('undoing what was hardened', () => {
  let database: TestDatabase
  let login: string
  let gatewayUrl: string
  let app: string

  beforeEach(async () => {
    database = await createTestDatabase({ contents: 'bare' })
    const suffix = randomBytes(4).toString('hex')
    login = `rowpass_test_gateway_${suffix}`
    app = `rowpass_test_app_${suffix}`
    gatewayUrl = urlFor(database.name, login, 'of-a-throw-away-role')
    // Logins of other tests on this server are not for this database.
    await asSuperuser(
      `create role ${app} login; revoke connect on database ${database.name} from public;
       grant connect on database ${database.name} to ${app}`,
    )
  })
  afterEach(async () => {
    await asSuperuser(`drop owned by ${app}; drop role ${app}`)
    await database.close()
    await withConnection(urlFor('postgres'), (client) => client.query(`drop role if exists ${login}`))
  })

  const rowsOf = (url: string, sql: string): Promise<Record<string, unknown>[]> =>
    withConnection(url, async (client) => {
      const result = await client.query(sql)
      return Array.isArray(result) ? [] : result.rows
    })
  const asSuperuser = (sql: string) => rowsOf(database.superuserUrl, sql)
  const migrate = () => provision({ ownerUrl: database.ownerUrl, gatewayUrl, connections: 9 })
  const harden = (options: Partial<Parameters<typeof hardenDatabase>[0]> = {}) =>
    hardenDatabase({ url: database.superuserUrl, login, connections: 9, ...options })
  const undo = (options: Partial<Parameters<typeof undoHardening>[0]> = {}) =>
    undoHardening({ url: database.superuserUrl, login, ...options })

  /** All that hardening may touch. A list that is NULL is the one that PostgreSQL takes in its place. */
  const state = async () => {
    const list = (acl: string) =>
      `(select coalesce(array_agg(a::text order by a::text), '{}') from aclexplode(${acl}) a)`
    const [row] = await asSuperuser(
      `select ${list(`coalesce(datacl, acldefault('d', datdba))`)} as database,
              (select ${list(`coalesce(nspacl, acldefault('n', nspowner))`)} from pg_namespace where nspname = 'public') as schema,
              array(select array[defaclrole::regrole::text, defaclnamespace::text, defaclobjtype::text, ${list('defaclacl')}::text]
                from pg_default_acl order by oid) as defaults,
              array(select oid::regprocedure || ${list(`coalesce(proacl, acldefault('f', proowner))`)}::text
                from pg_proc where pronamespace = 'pg_catalog'::regnamespace order by oid) as functions,
              array(select setting from pg_db_role_setting s, unnest(setconfig) as setting where setdatabase = d.oid
                order by setting) as settings,
              (select rolconnlimit from pg_roles where rolname = '${login}') as "limit"
         from pg_database d where datname = current_database()`,
    )
    return row
  }

  it('SEC-72 puts back every right, default, setting and limit, exactly, and again changes nothing', async () => {
    await asSuperuser(
      `grant create on schema public to public; alter default privileges for role rowpass_owner grant execute on functions to ${app};
       grant temporary on database ${database.name} to ${app} with grant option`,
    )
    await migrate()
    await asSuperuser(
      `grant temporary on database ${database.name} to public; grant create on schema public to public;
       alter role ${login} in database ${database.name} set log_parameter_max_length = '100';
       alter role ${login} in database ${database.name} set search_path = 'app, public';
       alter role ${login} connection limit 3; delete from rowpass.hardening`,
    )
    const before = await state()
    const steps = await harden({ take: everything })
    expect(new Set(steps.map(({ state }) => state))).toEqual(new Set(['done']))
    const hardened = await state()
    expect(hardened).not.toEqual(before)
    for (const part of ['database', 'schema', 'defaults', 'functions', 'settings', 'limit']) {
      expect({ part, value: hardened?.[part] }).not.toEqual({ part, value: before?.[part] })
    }

    const rehearsed = await undo({ dryRun: true })
    expect(await state()).toEqual(hardened)
    const undone = await undo()
    expect(undone.map(({ sql }) => sql)).toEqual(rehearsed.map(({ sql }) => sql))
    expect(new Set(undone.map(({ state }) => state))).toEqual(new Set(['open']))
    expect(await state()).toEqual(before)
    expect(await undo()).toEqual([])
    expect(await state()).toEqual(before)
  })

  it('SEC-72 a dry run prints what is run then, statement by statement, and changes nothing', async () => {
    await migrate()
    const before = await state()
    const preview = await harden({ dryRun: true, take: everything })
    expect(await state()).toEqual(before)
    const done = await harden({ take: everything })
    expect(done.map(({ name, sql }) => ({ name, sql }))).toEqual(preview.map(({ name, sql }) => ({ name, sql })))
    for (const [index, { state }] of preview.entries()) {
      expect(done[index]?.state).toBe(state === 'open' ? 'done' : state)
    }
  })

  it('puts back what a migration has closed, which closes only what nobody else has', async () => {
    const lines: string[] = []
    await provision({ ownerUrl: database.ownerUrl, gatewayUrl, onProgress: (line) => lines.push(line) })
    expect(lines).toEqual([
      `not yet, as ${app} would lose by it: PUBLIC makes no temporary tables; see "rowpass db harden"`,
      'not yet: the database counts changes of its schema (permission denied to create event trigger "rowpass_ddl_end"); ' +
        'see "rowpass db harden"',
    ])
    await asSuperuser(
      `revoke connect on database ${database.name} from ${app}; grant connect on database ${database.name} to ${login}`,
    )
    const before = await state()
    await migrate()
    expect(await state()).not.toEqual(before)
    await undo()
    expect(await state()).toEqual(before)
  })

  it('leaves alone what somebody has changed since, and what is gone', async () => {
    await migrate()
    await harden({ take: everything })
    await asSuperuser(
      `alter role ${login} in database ${database.name} set temp_file_limit = '5GB'; alter role ${login} connection limit 7`,
    )
    const undone = await undo()
    expect(undone.find(({ name }) => name === 'temporary_files')).toMatchObject({ state: 'open', sql: [] })
    expect(await state()).toMatchObject({ settings: ['temp_file_limit=5GB'], limit: 7 })
  })

  it('leaves a setting that is closed more than it would be', async () => {
    await migrate()
    await asSuperuser(`alter role ${login} in database ${database.name} set temp_file_limit = '10MB'`)
    const steps = await harden()
    expect(steps.find(({ name }) => name === 'temporary_files')).toMatchObject({ state: 'closed' })
  })

  it.each([
    { kind: 'revoke', right: 'execute', routine: 'pg_catalog.pg_read_file(text)', role: 'public' },
    { kind: 'revoke', right: 'temporary', role: 'authenticated' },
    { kind: 'default_revoke', owner: 'postgres' },
    { kind: 'setting', role: 'postgres', name: 'temp_file_limit', before: '1MB', after: null },
    { kind: 'setting', role: 'LOGIN', name: 'search_path = x; drop table y; --', before: null, after: null },
    { kind: 'connection_limit', role: 'LOGIN', before: '1; drop role x', after: 0 },
    { kind: 'revoke', right: 'all on database x from public; --', role: 'public' },
    { kind: 'shell', command: 'id' },
  ])('a superuser runs nothing that the owner has written into the record: %o', async (change) => {
    await migrate()
    const text = JSON.stringify(change).replace('LOGIN', login)
    await withConnection(database.ownerUrl, (client) =>
      client.query(`insert into rowpass.hardening (step, change) values ('functions', $1)`, [text]),
    )
    const before = await state()
    const undone = await undo({ steps: ['functions'] })
    expect(undone).toMatchObject([
      { state: 'refused', reason: expect.stringContaining('a change that hardening does not make') },
    ])
    expect(await state()).toEqual(before)
  })

  it('SEC-72 tells what a version without a record took, and gives it back, with extensions made since', async () => {
    await migrate()
    const before = await state()
    await asSuperuser(
      `delete from rowpass.hardening;
       revoke temporary on database ${database.name} from public;
       alter default privileges for role postgres revoke execute on functions from public;
       alter default privileges for role rowpass_owner revoke execute on functions from public;
       alter role ${login} in database ${database.name} set temp_file_limit = '1GB';
       alter role ${login} in database ${database.name} set log_parameter_max_length = '0';
       alter role ${login} in database ${database.name} set log_parameter_max_length_on_error = '0';
       alter role ${login} in database ${database.name} set client_connection_check_interval = '1s';
       create extension citext; create extension pg_stat_statements;
       create function mine() returns int language sql as 'select 1'`,
    )
    const yes = `select 'A'::citext = 'a' as yes`
    await asSuperuser('create type a_range as range (subtype = float8)')
    await expect(rowsOf(database.ownerUrl, yes)).rejects.toMatchObject({
      message: 'permission denied for function citext_eq',
    })
    const steps = await harden()
    expect(steps.at(-1)).toMatchObject({
      name: 'earlier_version',
      state: 'asked',
      says: expect.stringContaining('postgres'),
    })

    await undo()
    expect(await rowsOf(database.ownerUrl, yes)).toEqual([{ yes: true }])
    const rights = await asSuperuser(
      `select has_function_privilege('${app}', 'a_range(float8, float8)', 'EXECUTE') as range,
              has_function_privilege('${app}', 'mine()', 'EXECUTE') as mine,
              has_function_privilege('${app}', (select oid from pg_proc where proname = 'pg_stat_statements_reset'), 'EXECUTE') as reset`,
    )
    expect(rights).toEqual([{ range: true, mine: false, reset: false }])
    expect(await state()).toEqual({ ...before, limit: 18 })
    expect((await harden()).map(({ name }) => name)).not.toContain('earlier_version')
  })
})
