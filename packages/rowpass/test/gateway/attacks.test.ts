/** What a token holder sends who may write any SQL: forged claims, other roles, the session, the server, the others. */
import pg from 'pg'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { type SqlAnswer, waitUntil } from '../support/gateway.ts'
import { describePg } from '../support/pg.ts'
import { bobsSecret, type Scene, startScene } from './scene.ts'

const invalidSeal = 'the session is not sealed for the role authenticated, or its seal is not valid'

const readAll = 'select auth.user_id() as id, owner, body from notes'
const ofAda = [{ id: 'ada', owner: 'ada', body: 'of ada' }]
const ofBob = [{ id: 'bob', owner: 'bob', body: bobsSecret }]
const forged = '{"sub":"bob","exp":99999999999,"role":"admin"}'

describePg('attacks by a token holder', () => {
  let scene: Scene

  beforeAll(async () => {
    // One connection: whatever an attack leaves behind, the next request finds.
    scene = await startScene(
      { ROWPASS_POOL_SIZE: '1' },
      `create table log (entry text); grant insert on log to authenticated;
       create procedure act() language sql as 'insert into log values (1)';
       grant execute on procedure act() to authenticated;
       create function fire() returns trigger language plpgsql as 'begin return new; end'`,
    )
  })
  afterAll(() => scene.close())
  afterEach(async () => {
    expect((await scene.gateway.sql(scene.bob, readAll)).body.rows).toEqual(ofBob)
    expect((await scene.gateway.sql(scene.ada, readAll)).body.rows).toEqual(ofAda)
  })

  function expectRefused({ status, body }: SqlAnswer): void {
    expect({ status, code: body.code, hint: body.hint }).toEqual({
      status: 400,
      code: '42501',
      hint: expect.stringMatching(/^statement_refused: /),
    })
    expect(JSON.stringify(body)).not.toContain(bobsSecret)
  }

  /** Alone, then at each end of a batch that also reads and writes: nothing of the batch may have run. */
  async function expectRefusedEverywhere(sql: string): Promise<void> {
    const entry = "insert into log values ('ran')"
    expectRefused(await scene.gateway.sql(scene.ada, sql))
    expectRefused(await scene.gateway.batch(scene.ada, [entry, sql, readAll]))
    expectRefused(await scene.gateway.batch(scene.ada, [entry, readAll, sql]))
    expect(await scene.asOwner('select * from log')).toEqual([])
  }

  describe('on the claims', () => {
    const set = `set_config('rowpass.claims', '${forged}', true)`
    it.each([
      `select ${set}`,
      `select pg_catalog.${set}`,
      `select "pg_catalog"."set_config"('rowpass.claims', '${forged}', false)`,
      `select U&"set\\005fconfig"('rowpass.claims', '${forged}', true)`,
      `select pg_catalog /* */ . /* */ SET_CONFIG ('rowpass.claims', '${forged}', true)`,
      `select 1 from ${set}`,
      `select owner from notes where ${set} is not null`,
      `with forged as materialized (select ${set}) select notes.* from forged, notes`,
      `insert into log values (${set}) returning entry`,
      `explain analyze select ${set}`,
      `select query_to_xml('select ${set.replaceAll("'", "''")}', true, false, '')`,
      `update pg_settings set setting = '${forged}' where name = 'rowpass.claims'`,
      `with forged as (update pg_catalog.pg_settings set setting = 'off' returning name) select * from forged`,
      `merge into pg_settings using (select 1) one on true when matched then update set setting = 'off'`,
      `set rowpass.claims = '${forged}'`,
      `set local "rowpass.claims" to '${forged}'`,
      'reset rowpass.seal',
      'reset all',
      `do $$ begin perform ${set}; end $$`,
      `alter role current_user set rowpass.claims = '${forged}'`,
      `create function pg_temp.forge() returns text language sql return ${set}`,
      `prepare forged as select ${set}`,
      `declare forged cursor for select ${set}`,
      `copy (select ${set}) to stdout`,
    ])('SEC-37 refuses %s', expectRefusedEverywhere)

    it.each([`select 1; set rowpass.claims = '${forged}'`, `commit; ${readAll}`, `select 1; ${readAll}`])(
      'SEC-37 refuses a second statement in one text: %s',
      async (sql) => {
        for (const answer of [
          await scene.gateway.sql(scene.ada, sql),
          await scene.gateway.batch(scene.ada, [sql, readAll]),
        ]) {
          expect(answer).toMatchObject({ status: 400, body: { code: '42601' } })
        }
      },
    )

    // The owner has left a function that sets anything for anybody. The seal holds all the same.
    it.each<[title: string, settings: [name: string, value: string][], outcome: object]>([
      ['other claims', [['rowpass.claims', forged]], { code: '28000', message: invalidSeal }],
      ['no seal', [['rowpass.seal', '']], { rows: [] }],
      [
        'other claims and no seal',
        [
          ['rowpass.claims', forged],
          ['rowpass.seal', ''],
        ],
        { rows: [] },
      ],
      [
        'other claims under a seal of zeros',
        [
          ['rowpass.claims', forged],
          ['rowpass.seal', `x${'0'.repeat(64)};:test:99999999999::`],
        ],
        { code: '28000', message: invalidSeal },
      ],
      [
        'the seal of a key that there is not',
        [['rowpass.seal', `x${'0'.repeat(64)};:none:99999999999::`]],
        { code: '28000', message: 'the session is sealed with a key that this database does not have' },
      ],
      ['the role anonymous', [['role', 'anonymous']], { code: '42501' }],
      ['the role of the login', [['role', 'none']], { code: '42501' }],
      ['row security off', [['row_security', 'off']], { code: '42501' }],
      ['a search path of their own', [['search_path', 'pg_temp, public, auth']], { rows: ofAda }],
    ])('SEC-37 %s, set by a function of the owner, is no other identity', async (_title, settings, outcome) => {
      const statements = settings.map(([name, value]) => ({
        query: 'select set_any($1, $2, true)',
        params: [name, value],
      }))
      const { body } = await scene.gateway.batch(scene.ada, [...statements, readAll])
      expect('rows' in outcome ? { rows: body.results.at(-1).rows } : body).toMatchObject(outcome)
      expect(JSON.stringify(body)).not.toContain(bobsSecret)
    })

    it.each(['rowpass_owner', 'pg_read_all_data', 'postgres'])(
      'SEC-38 a function of the owner cannot set the role %s either',
      async (role) => {
        const { body } = await scene.gateway.sql(scene.ada, `select set_any('role', $1, true)`, [role])
        expect(body).toMatchObject({ code: '42501', message: `permission denied to set role "${role}"` })
      },
    )

    it('SEC-37 her own seal does not fit the claims of another', async () => {
      // A token's first request has the whole seal in its settings, later ones its ticket.
      const fresh = await scene.gateway.issuer.token('ada')
      const { body } = await scene.gateway.sql(fresh, `select current_setting('rowpass.seal') as seal`)
      expect(body.rows[0].seal).toMatch(/^x[0-9a-f]{64};/)
      const setAny = { query: 'select set_any($1, $2, true)' }
      const claims = { ...setAny, params: ['rowpass.claims', forged] }
      const seal = { ...setAny, params: ['rowpass.seal', body.rows[0].seal] }
      const { body: answer } = await scene.gateway.batch(scene.ada, [claims, seal, readAll])
      expect(answer).toMatchObject({ code: '28000', message: invalidSeal })
    })

    it('SEC-37 her own ticket stands for no other claims', async () => {
      const askTicket = async () =>
        (await scene.gateway.sql(scene.ada, `select current_setting('rowpass.seal') as seal`)).body.rows[0].seal
      await waitUntil(async () => (await askTicket()).length === 32)
      const setAny = { query: 'select set_any($1, $2, true)' }
      const claims = { ...setAny, params: ['rowpass.claims', forged] }
      const ticket = { ...setAny, params: ['rowpass.seal', await askTicket()] }
      const { body } = await scene.gateway.batch(scene.ada, [claims, ticket, readAll])
      expect(body.results?.at(-1).rows ?? body).toEqual(ofAda)
    })
  })

  describe('on the role', () => {
    it.each([
      'reset role',
      'set role none',
      'set role anonymous',
      'set role rowpass_owner',
      'set local role none',
      'set session role none',
      'set session authorization default',
      'reset session authorization',
      'set session authorization postgres',
      "select set_config('role', 'none', false)",
      "update pg_settings set setting = 'none' where name = 'role'",
      'discard all',
    ])('SEC-38 refuses %s', expectRefusedEverywhere)
  })

  describe('by statements that are not rows', () => {
    // Other databases of the server have settings of their own.
    const settingsLeft = `select count(*)::int as n from pg_db_role_setting
      where setdatabase = (select oid from pg_database where datname = current_database())
         or setdatabase = 0 and setrole in ('authenticated'::regrole, 'rowpass_gateway'::regrole)`
    it.each([
      'alter role rowpass_gateway set statement_timeout = 0',
      'alter role authenticated set search_path = evil',
      "alter role rowpass_gateway password 'mine'",
      'alter user current_user set role = none',
      'alter database current set work_mem = 1',
      "alter system set work_mem = '1GB'",
      'create role evil superuser login',
      'grant authenticated to public',
      'grant all on notes to public',
      'alter table notes disable row level security',
      'alter policy notes_own on notes using (true)',
      'create policy open on notes using (true)',
      'create table mine ()',
      'create temp table notes (id int, owner text, body text)',
      'create temp view notes as select 1',
      'select * into temp notes from notes',
      'create index on notes (body)',
      'create trigger t before update on notes for each row execute function fire()',
      'create rule r as on select to log do instead select * from notes',
      "create function mine() returns int language sql as 'select 1'",
      'create operator === (function = texteq, leftarg = text, rightarg = text)',
      'create extension dblink',
      'drop table notes',
      'truncate notes',
      "copy notes to program 'cat > /tmp/notes'",
      "copy notes from '/etc/passwd'",
      'copy notes to stdout',
      'copy notes from stdin',
      'listen news',
      'unlisten *',
      "notify news, 'x'",
      'lock table notes',
      'lock table notes in access share mode nowait',
      'vacuum notes',
      'analyze notes',
      'prepare p as select 1',
      'execute envelope',
      'execute s1',
      'deallocate envelope',
      'deallocate all',
      'declare c cursor with hold for select * from notes',
      'fetch all from c',
      'close all',
      'call act()',
      'do $$ begin end $$',
      'begin',
      'commit',
      'commit and chain',
      'rollback',
      'savepoint s',
      "prepare transaction 'x'",
      'set transaction isolation level serializable',
      'set constraints all deferred',
      'discard plans',
      'load auto_explain',
      'checkpoint',
      'reassign owned by authenticated to rowpass_gateway',
      "comment on table notes is 'mine'",
    ])('SEC-39 refuses %s', async (sql) => {
      // Words that are not there yet must not be what makes it fail.
      await expectRefusedEverywhere(sql.replace('load auto_explain', "load 'auto_explain'"))
    })

    it('SEC-39 nothing of it has left a trace in the catalogs', async () => {
      expect(await scene.asOwner(settingsLeft)).toEqual([{ n: 0 }])
      expect(await scene.asOwner(`select rolname from pg_roles where rolname = 'evil'`)).toEqual([])
      expect(
        await scene.asOwner(
          `select relname from pg_class where relname in ('mine') or relpersistence = 't'
           union all select proname from pg_proc where proname = 'mine'
           union all select policyname from pg_policies where policyname = 'open'`,
        ),
      ).toEqual([])
    })
  })

  describe('by functions', () => {
    const calls: [name: string, args: string][] = [
      ['set_config', `'a.b', 'c', false`],
      ['pg_terminate_backend', '1'],
      ['pg_cancel_backend', '1'],
      ['pg_sleep', '0'],
      ['pg_sleep_for', `'0 s'`],
      ['pg_sleep_until', 'now()'],
      ['query_to_xml', `'select 1', true, false, ''`],
      ['query_to_xmlschema', `'select 1', true, false, ''`],
      ['table_to_xml', `'pg_class', true, false, ''`],
      ['schema_to_xml', `'public', true, false, ''`],
      ['database_to_xml', `true, false, ''`],
      ['cursor_to_xml', `'c', 1, true, false, ''`],
      ['lo_create', '0'],
      ['lo_import', `'/etc/passwd'`],
      ['lo_export', `1, '/tmp/x'`],
      ['lo_get', '1'],
      ['lo_put', `1, 0, ''`],
      ['lo_unlink', '1'],
      ['pg_advisory_lock', '1'],
      ['pg_try_advisory_lock', '1'],
      ['pg_advisory_xact_lock', '1'],
      ['pg_advisory_unlock_all', ''],
      ['pg_read_file', `'PG_VERSION'`],
      ['pg_read_binary_file', `'PG_VERSION'`],
      ['pg_ls_dir', `'.'`],
      ['dblink', `'', 'select 1'`],
      ['dblink_exec', `'', 'select 1'`],
      ['pg_notify', `'a', 'b'`],
      ['currval', `'notes_id_seq'`],
      ['lastval', ''],
      ['setval', `'notes_id_seq', 1`],
      ['pg_stat_get_activity', 'null'],
      ['pg_reload_conf', ''],
      ['pg_logical_emit_message', `false, 'a', 'b'`],
      ['pg_export_snapshot', ''],
      ['ts_stat', `'select to_tsvector(body) from notes'`],
    ]
    const spellings: [title: string, spell: (name: string, args: string) => string][] = [
      ['as it is', (name, args) => `select ${name}(${args})`],
      ['with its schema', (name, args) => `select pg_catalog.${name}(${args})`],
      ['quoted', (name, args) => `select "pg_catalog"."${name}"(${args})`],
      ['in capitals', (name, args) => `select PG_Catalog.${name.toUpperCase()}(${args})`],
      ['with comments', (name, args) => `select pg_catalog/**/.-- \n ${name} /**/ (${args})`],
      [
        'in Unicode escapes',
        (name, args) => `select U&"\\00${name.charCodeAt(0).toString(16)}${name.slice(1)}"(${args})`,
      ],
      ['in FROM', (name, args) => `select * from notes, lateral ${name}(${args}) as x`],
      ['in a subquery', (name, args) => `select (select 1 from ${name}(${args}) as x)`],
    ]
    it.each(calls)('SEC-40 refuses %s, however it is spelled', async (name, args) => {
      for (const [title, spell] of spellings) {
        const { body } = await scene.gateway.sql(scene.ada, spell(name, args))
        expect({ title, code: body.code, hint: body.hint }).toMatchObject({
          code: '42501',
          hint: expect.stringContaining('statement_refused'),
        })
      }
    })
  })

  describe('on the others', () => {
    it.each([
      'select query from pg_stat_activity',
      'table pg_catalog.pg_stat_activity',
      'select * from "pg_catalog"."pg_stat_activity"',
      'select * from pg_stat_get_activity(null)',
      'select pg_stat_get_backend_activity(1)',
      'select * from pg_locks',
      'select * from pg_lock_status()',
      'select * from pg_prepared_statements',
      'select * from pg_cursors',
      'select * from pg_stat_statements',
      'select * from public.pg_stat_statements(true)',
      'select * from pg_stat_user_tables',
      'select * from pg_stats',
      'select * from pg_statistic',
      'select * from pg_authid',
      'select * from pg_shadow',
      'select * from pg_user_mappings',
      'select * from pg_hba_file_rules',
      'select * from pg_stat_ssl',
      'select * from pg_stat_replication',
      'select * from pg_stat_progress_vacuum',
      'select pg_blocking_pids(1)',
      'select pg_stat_get_live_tuples(1)',
      'insert into log select query from pg_stat_activity',
      'select exists (select from pg_stat_activity where query like $$%secret%$$)',
    ])('SEC-41 refuses %s', expectRefusedEverywhere)

    it('SEC-41 past the parser, a token holder neither reads another session nor ends it', async () => {
      const neighbour = new pg.Client(scene.database.gatewayUrl)
      await neighbour.connect()
      const { rows } = await neighbour.query(`select pg_backend_pid() as pid /* canary-in-a-query */`)
      const run = async (command: string) => (await scene.gateway.sql(scene.ada, 'select run($1)', [command])).body
      const { pid } = rows[0]
      expect(await run(`select query from pg_stat_activity where pid = ${pid}`)).toMatchObject({
        rows: [{ run: '<insufficient privilege>' }],
      })
      const all = `select string_agg(coalesce(pg_stat_get_backend_activity(i), ''), ' ') from pg_stat_get_backend_idset() i`
      expect((await run(all)).rows[0].run).not.toContain('canary')
      expect(await run(`select pg_cancel_backend(${pid})`)).toMatchObject({ code: '42501' })
      expect(await run(`select pg_terminate_backend(${pid})`)).toMatchObject({ code: '42501' })
      await neighbour.query('select 1')
      await neighbour.end()
    })
  })
})
