import { afterAll, beforeAll, expect, it } from 'vitest'
import { describePg } from '../support/pg.ts'
import { ask, codes, everything, jsonClaims, openScene, type Scene } from './scene.ts'

/** In every value of every hidden row. */
const canary = 'CANARY-7f3a'

const setup = `
create schema h; grant usage on schema h to authenticated;
create function h.who() returns text language sql stable as
  $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb->>'sub' $$;
create table h.files (id text primary key, owner text, label text, "we""ird;col" text default '${canary}');
insert into h.files values ('1', 'ada', 'mine', 'x');
insert into h.files select '${canary}-' || n, '${canary}', '${canary}' from generate_series(1, 5) n;
alter table h.files enable row level security;
create policy files_read on h.files for select to authenticated using (owner = h.who());
create policy files_change on h.files for update to authenticated using (label <> 'no') with check (owner = h.who());
create policy files_add on h.files for insert to authenticated with check (owner = h.who() and label::int > 0);
create policy files_drop on h.files for delete to authenticated using (label::int > 0);
grant select, insert, update, delete on h.files to authenticated;

create function h.shout() returns trigger language plpgsql as
  $$ begin raise exception 'refused because of %', (select label from h.files where id like '${canary}%' limit 1); end $$;
create table h.loud (id int); alter table h.loud enable row level security;
create policy loud on h.loud using (true);
create trigger shout before insert on h.loud for each row execute function h.shout();
grant select, insert on h.loud to authenticated;

create schema "s p""a'ce"; grant usage on schema "s p""a'ce" to authenticated;
create table "s p""a'ce"."t;--$$ (x" (id int, "drop table h.files" text);
insert into "s p""a'ce"."t;--$$ (x" values (1, '${canary}');
alter table "s p""a'ce"."t;--$$ (x" enable row level security;
create policy "p"";\u001b[31m'" on "s p""a'ce"."t;--$$ (x" using ("drop table h.files" = 'no') with check (id > 0);
grant select, insert, update on "s p""a'ce"."t;--$$ (x" to authenticated;

create table h.counted (id serial, at timestamptz default now());
grant select, insert on h.counted to authenticated; grant usage on sequence h.counted_id_seq to authenticated;
`

const identity = { role: 'authenticated', claims: { sub: 'ada' } }
const hostile = `"s p""a'ce"."t;--$$ (x"`

/** Statements around the hidden rows; whatever happens, nothing of them is told. */
const statements = [
  'select * from h.files',
  `select * from h.files where label like 'CANARY%'`.replace('CANARY', 'C_NARY'),
  `select label::int from h.files`,
  `select * from h.files where label::int = 1`,
  `select * from h.files where id = '1' or 1 / (length(label) - 11) > 0`,
  `update h.files set label = 'x'`,
  `update h.files set owner = owner`,
  `update h.files set owner = label, label = owner where true`,
  `update h.files set id = '1'`,
  `delete from h.files`,
  `delete from h.files where id > '0'`,
  `insert into h.files (id, owner, label) values ('1', 'ada', '1')`,
  `insert into h.files (id, owner, label) values ('2', 'ada', 'x') returning *`,
  `insert into h.files (id, owner, label) select id || 'x', owner, label from h.files`,
  `insert into h.files (id, owner, label) select 'C' || 'ANARY-7f3a-1', 'ada', '1' on conflict (id) do update set label = files.label`,
  `merge into h.files f using (select 1) x on f.id > '0' when matched then update set label = f.owner`,
  `with gone as (delete from h.files returning *) select * from gone`,
  'insert into h.loud values (1)',
  `select * from ${hostile}`,
  `update ${hostile} set id = -1`,
  `insert into ${hostile} values (-1, 'x')`,
]

/** Texts that are not explained, and a word of what is said. */
const refused: [text: string, says: string][] = [
  ['selec * from users', 'syntax error'],
  ['', 'no statement'],
  ['-- nothing', 'no statement'],
  ['select 1; select 2', '2 statements'],
  ['select 1; drop table h.files', '2 statements'],
  ['drop table h.files', 'DROP'],
  ['truncate h.files', 'TRUNCATE'],
  ['create table x (id int)', 'CREATE TABLE'],
  ['select * into x from h.files', 'CREATE TABLE AS'],
  ['copy h.files to stdout', 'COPY'],
  ['do $$ begin end $$', 'DO'],
  ['set role postgres', 'SET'],
  ['begin', 'Transaction control'],
  ['commit', 'Transaction control'],
  ['explain analyze delete from h.files', 'EXPLAIN'],
  [`${'select ('.repeat(20_000)}1${')'.repeat(20_000)}`, 'memory exhausted'],
  [`select ${'1 + '.repeat(20_000)}1`, 'too complex'],
  [`select ${'not '.repeat(3_000)}true`, 'too complex'],
  ['select 1\u0000', 'NUL'],
  [`select '${'x'.repeat(300_000)}'`, 'longer than'],
]

describePg('why, under attack', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await openScene('platform', setup)
  })
  afterAll(() => scene.close())

  const options = (sql: string) => ({ identity, carrier: jsonClaims, sql })

  it.each(statements)('SEC-56 SEC-66 tells nothing of a hidden row: %s', async (sql) => {
    const explanation = await ask(scene.client, options(sql))
    expect(everything(explanation)).not.toContain(canary)
    const { rows } = await scene.client.query(
      'select count(*)::int as n, count(*) filter (where owner = $1)::int as hidden from h.files',
      [canary],
    )
    expect(rows).toEqual([{ n: 6, hidden: 5 }])
  })

  it('shows values of hidden rows when it is asked to', async () => {
    const explanation = await ask(scene.client, { ...options('select * from h.files'), reveal: true })
    expect(everything(explanation)).toContain(canary)
  })

  const titled = refused.map(([text, says]) => [JSON.stringify(text.slice(0, 40)), text, says] as const)
  it.each(titled)('explains one statement that reads or writes rows, and not %s', async (_, text, says) => {
    await expect(ask(scene.client, options(text))).rejects.toMatchObject({
      code: 'input_invalid',
      detail: expect.stringContaining(says),
    })
  })

  it('explains nothing for a role that does not exist', async () => {
    const nobody = { role: 'why "nobody', claims: {} }
    await expect(ask(scene.client, { ...options('select 1'), identity: nobody })).rejects.toMatchObject({
      code: 'input_invalid',
    })
  })

  it.each([
    'select pg_sleep(60)',
    'select count(*) from generate_series(1, 1e12::bigint)',
    'select id from h.files where pg_sleep(20) is not null',
  ])('ends in time: %s', async (sql) => {
    const explanation = await ask(scene.client, { ...options(sql), timeoutMs: 100 })
    expect(explanation.outcome?.problem?.sqlstate).toBe('57014')
    expect(codes(explanation)).toContain('timeout')
  })

  it('is never more than a look: nothing is committed, whatever the statement does', async () => {
    const before = await scene.client.query('select count(*)::int as n from h.counted')
    for (const sql of ['insert into h.counted default values', 'insert into h.counted (id) values (7) returning *']) {
      expect((await ask(scene.client, options(sql))).outcome?.rows).toBe(1)
    }
    expect((await scene.client.query('select count(*)::int as n from h.counted')).rows).toEqual(before.rows)
  })

  it('lets no control character of a name reach the terminal', async () => {
    const text = everything(await ask(scene.client, options(`select * from ${hostile}`)))
    expect(text).not.toContain('\u001b')
    expect(text).toContain('\\u001b[31m')
  })

  it('does not run what may reach outside of the database, unless it is asked to', async () => {
    await scene.client.query(`
      create function h.call_out() returns trigger language plpgsql as $$ begin perform pg_try_advisory_lock(4711); return new; end $$;
      create trigger call_out after insert on h.counted for each row execute function h.call_out()`)
    const explanation = await ask(scene.client, options('insert into h.counted default values'))
    expect(explanation).toMatchObject({ outcome: undefined, notRun: expect.stringContaining('h.call_out') })
    const run = await ask(scene.client, { ...options('insert into h.counted default values'), run: 'always' })
    expect(run.outcome?.rows).toBe(1)
    expect(run.notes.join()).toContain('call_out of h.counted')
  })

  it.each([
    'select pg_reload_conf()',
    "select lo_import('/etc/passwd')",
    'select * from h.files where h.dials(id)',
    'update h.files set label = h.dials(id)',
  ])('does not run what calls out by itself: %s', async (sql) => {
    await scene.client.query(`create or replace function h.dials(text) returns boolean language plpgsql as
        $$ begin copy (select 1) to program 'true'; raise exception '${canary}'; end $$`)
    const explanation = await ask(scene.client, options(sql))
    expect(explanation).toMatchObject({ outcome: undefined, notRun: expect.stringContaining('rollback may not undo') })
    expect(explanation.relations.every(({ rows }) => rows === undefined)).toBe(true)
  })

  it('does not fire a trigger whose callee writes to a program', async () => {
    await scene.client.query(`
      create table h.piped (id int); grant insert on h.piped to authenticated;
      create function h.pipe(text) returns void language plpgsql security definer as
        $$ begin copy (select 1) to program 'touch /nowhere/here'; end $$;
      create function h.between(text) returns void language sql as $$ select h.pipe($1) $$;
      create function h.piping() returns trigger language plpgsql as $$ begin perform h.between('x'); return new; end $$;
      create trigger piping before insert on h.piped for each row execute function h.piping()`)
    const explanation = await ask(scene.client, options('insert into h.piped values (1)'))
    expect(explanation.outcome).toBeUndefined()
    expect(explanation.notRun).toBe(
      'the trigger piping calls h.piping, whose effects a rollback may not undo: ' +
        'piping: between: pipe: contains COPY (--run runs it)',
    )
    expect(explanation.relations[0]?.triggers).toEqual([{ name: 'piping', function: 'h.piping', outside: true }])
  })

  it('fires a trigger that only writes rows, also where its variables are of types of the database', async () => {
    await scene.client.query(`
      create type h.kind as enum ('a', 'b'); create table h.kinds (id int, kind h.kind);
      create table h.log (id int generated always as identity, kind text); grant insert on h.log to authenticated;
      create table h.logged (id int); grant insert on h.logged to authenticated;
      create function h.logging() returns trigger language plpgsql security definer as $$
        declare i int; k h.kind; r h.kinds%rowtype;
        begin
          select id, kind into i, k from h.kinds limit 1;
          select * into r from h.kinds limit 1;
          insert into h.log (kind) values (k::text);
          return new;
        end $$;
      create trigger logging before insert on h.logged for each row execute function h.logging()`)
    const explanation = await ask(scene.client, options('insert into h.logged values (1)'))
    expect(explanation.outcome?.rows).toBe(1)
    expect(codes(explanation)).toEqual(['rls_off', 'allowed'])
    expect(explanation.notes).toEqual(['It fired, and was rolled back: logging of h.logged.'])
  })

  it('does not say of triggers that stand behind an error that they have fired', async () => {
    await scene.client.query(`
      create table h.stopped (id int); grant insert on h.stopped to authenticated;
      create function h.stop() returns trigger language plpgsql as $$ begin raise exception 'stop'; end $$;
      create function h.go_on() returns trigger language plpgsql as $$ begin return new; end $$;
      create trigger a_stop before insert on h.stopped for each row execute function h.stop();
      create trigger b_go_on before insert on h.stopped for each row execute function h.go_on()`)
    const explanation = await ask(scene.client, options('insert into h.stopped values (1)'))
    expect(explanation.findings.map(({ says }) => says).join()).toContain('a_stop of h.stopped')
    expect(explanation.notes).toEqual([
      'It fired as far as it came to that, and was rolled back: a_stop of h.stopped, b_go_on of h.stopped.',
    ])
  })

  it('looks at the rows of the identity in a large table, too', async () => {
    await scene.client.query(`
      create table h.large (id int, owner text); insert into h.large select n, 'bob' from generate_series(1, 3000) n;
      insert into h.large values (9001, 'ada'), (9002, 'ada');
      alter table h.large enable row level security;
      create policy large_all on h.large using (owner = h.who()); grant select, update on h.large to authenticated`)
    const read = await ask(scene.client, options('select * from h.large'))
    expect(read.findings[0]?.says).toMatch(/^at least \d+ rows of h.large are hidden from authenticated by large_all/)
    expect(read.relations[0]?.rows).toEqual({ matching: 3002, seen: 2, sampled: 1000, filtered: true })
    const write = await ask(scene.client, options("update h.large set owner = 'bob'"))
    expect([codes(write), write.doubts]).toEqual([['rows_hidden', 'row_refused'], []])
  })
})
