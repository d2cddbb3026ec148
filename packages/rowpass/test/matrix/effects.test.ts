import type pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Matrix } from '../../src/matrix/cell.ts'
import { drawMatrix } from '../../src/matrix/draw.ts'
import { describePg } from '../support/pg.ts'
import { acme, bolt, cellOf, identities, makeDatabase, notes, own, role, wordsOf } from './scene.ts'

const sound = `create policy p on :t to ${role} using (${own});`

/** Tables whose triggers leave a mark that a rollback does not take away: a sequence that moves. */
const scene = `
  create sequence marks;
  create function mark() returns trigger language plpgsql as $$ begin perform nextval('marks'); return coalesce(new, old); end $$;
  create function shout() returns trigger language plpgsql as $$ begin perform pg_notify('shout', new.body); return new; end $$;
  create function tidy() returns trigger language plpgsql as $$
    begin
      -- execute, dblink('…') and nextval() in a comment or in 'insert into x' are only words
      new.body := trim(coalesce(new.body, 'update of insert into'));
      return new;
    end $$;
  create function inner_mark(text) returns bigint language sql volatile as $$ select nextval('marks') $$;
  create function nested() returns trigger language plpgsql as $$ begin perform public."inner_mark"(new.body); return new; end $$;
  create function dynamic() returns trigger language plpgsql as $$ begin execute 'select 1'; return new; end $$;
  create function audited() returns trigger language plpgsql as $$ begin insert into audit values (new.body); return new; end $$;
  create function audited_twice() returns trigger language plpgsql as $$ begin insert into watched values (new.body); return new; end $$;
  create table watched (body text); grant insert on watched to ${role};
  create trigger t after insert on watched for each row execute function mark();
  create table audit (body text); grant insert on audit to ${role}; grant usage on sequence marks to ${role};
  ${notes(`${sound} create trigger t before insert or update or delete on :t for each row execute function mark();`, 'before_row')}
  ${notes(`${sound} create trigger t after insert or update or delete on :t for each row execute function mark();`, 'after_row')}
  ${notes(`${sound} create trigger t before insert or update or delete on :t for each statement execute function mark();`, 'statement')}
  ${notes(`${sound} create trigger t before insert on :t for each row execute function shout();`, 'notifying')}
  ${notes(`${sound} create trigger t before insert or update on :t for each row execute function tidy();`, 'tidied')}
  ${notes(`${sound} create trigger t before insert or update on :t for each row execute function nested();`, 'nested')}
  ${notes(`${sound} create trigger t before insert on :t for each row execute function dynamic();`, 'dynamic')}
  ${notes(`${sound} create trigger t after insert on :t for each row execute function audited();`, 'audited')}
  ${notes(`${sound} create trigger t after insert on :t for each row execute function audited_twice();`, 'audited_twice')}
  ${notes(`${sound} create trigger t after insert on :t for each row execute function mark(); alter table :t disable trigger t;`, 'disabled')}
  ${notes(`${sound} create rule r as on delete to :t do instead select nextval('marks');`, 'ruled')}
  create table serials (id serial primary key, tenant_id uuid not null, body text);
  insert into serials (tenant_id, body) values ('${acme}', 'a'), ('${bolt}', 'b');
  grant select, delete, insert (tenant_id, body) on serials to ${role}; grant usage on sequence serials_id_seq to ${role};
  create table always (id bigint generated always as identity primary key, tenant_id uuid not null, up int generated always as (1 + 1) stored);
  insert into always (tenant_id) values ('${acme}'), ('${bolt}');
  grant all on always to ${role};
  alter table notifying force row level security;`

describePg('what a matrix leaves behind', () => {
  let database: Awaited<ReturnType<typeof makeDatabase>>
  let client: pg.Client
  let before: Record<string, unknown>
  let matrix: Matrix
  const heard: string[] = []

  beforeAll(async () => {
    database = await makeDatabase(scene)
    client = database.client
    client.on('notification', ({ payload }) => heard.push(String(payload)))
    await client.query('listen shout')
    before = await readState(client)
    matrix = await drawMatrix(client, { file: identities, role })
  })
  afterAll(() => database.close())

  it('is nothing: no row, no sequence, no view, no function, no lock', async () => {
    expect(await readState(client)).toEqual(before)
    const { rows } = await client.query(
      'select count(*)::int as n from pg_locks where pid = pg_backend_pid() and relation >= 16384',
    )
    expect(rows).toEqual([{ n: 0 }])
  })

  it('is no notice either, as one is sent at COMMIT only', async () => {
    await client.query('select 1')
    expect(heard).toEqual([])
    expect(wordsOf(matrix, 'public.notifying', 'ada').insert).toBe('own')
  })

  it.each([
    [
      'before_row',
      'untried',
      'The trigger t would be fired: mark: nextval is not undone by a rollback. --fire-triggers allows it.',
    ],
    [
      'statement',
      'untried',
      'The trigger t would be fired: mark: nextval is not undone by a rollback. --fire-triggers allows it.',
    ],
    [
      'nested',
      'untried',
      'The trigger t would be fired: nested: inner_mark: nextval is not undone by a rollback. --fire-triggers allows it.',
    ],
    ['dynamic', 'untried', 'The trigger t would be fired: dynamic: contains EXECUTE. --fire-triggers allows it.'],
    [
      'serials',
      'untried',
      'id cannot be given, so that each row that is tried would advance public.serials_id_seq. --advance-sequences allows it.',
    ],
    ['ruled', 'untried', 'Rules rewrite what is written here.'],
    ['tidied', 'own', undefined],
    ['audited', 'own', undefined],
    ['disabled', 'own', undefined],
    ['always', 'own other', undefined],
  ])('INSERT into %s is %s', (table, words, note) => {
    expect(wordsOf(matrix, `public.${table}`, 'ada').insert.replace('!', '')).toBe(words)
    expect(cellOf(matrix, `public.${table}`, 'ada', 'insert').notes[0]).toBe(note)
  })

  it.each(['after_row', 'audited_twice'])(
    'tries INSERT into %s with rows that a unique key stops before the trigger',
    (table) => {
      const cell = cellOf(matrix, `public.${table}`, 'ada', 'insert')
      expect(cell).toMatchObject({ reached: { own: 1 }, crossTenant: false })
      expect(cell.attempts.map(({ outcome, sqlstate }) => [outcome, sqlstate])).toEqual([
        ['constraint', '23505'],
        ['policy', '42501'],
      ])
    },
  )

  it('counts what UPDATE and DELETE reach, without a row for which a trigger would be fired', () => {
    for (const table of ['before_row', 'after_row']) {
      const { reached, attempts, notes: says } = cellOf(matrix, `public.${table}`, 'ada', 'delete')
      expect(reached).toEqual({ own: 3 })
      expect(attempts).toHaveLength(1)
      expect(says[0]).toMatch(/^Counted, not carried out: the trigger t would be fired: mark: nextval/)
    }
    expect(wordsOf(matrix, 'public.statement', 'ada')).toMatchObject({ update: 'untried', delete: 'untried' })
  })

  it('fires triggers and takes from sequences where it is allowed to', async () => {
    const allowed = await drawMatrix(client, { file: identities, role, fireTriggers: true, advanceSequences: true })
    for (const table of ['before_row', 'after_row', 'statement', 'nested', 'dynamic', 'audited_twice']) {
      expect(wordsOf(allowed, `public.${table}`, 'ada')).toEqual({
        select: 'own',
        insert: 'own',
        update: 'own',
        delete: 'own',
      })
    }
    expect(wordsOf(allowed, 'public.serials', 'ada').insert).toBe('own other!')
    const after = await readState(client)
    expect(after).not.toEqual(before)
    expect({ ...after, sequences: before.sequences }).toEqual(before)
  })

  it('writes nothing where it only reads, and tells what privileges and policies tell', async () => {
    const read = await drawMatrix(client, { file: identities, role, readOnly: true })
    expect(read.mode).toBe('read-only')
    expect(wordsOf(read, 'public.tidied', 'ada')).toEqual({
      select: 'own',
      insert: 'untried',
      update: 'untried',
      delete: 'untried',
    })
    expect(wordsOf(read, 'public.audit', 'ada')).toMatchObject({ select: 'grant', insert: 'untried', delete: 'grant' })
  })
})

/** Everything that could have changed: rows and who wrote them, sequences, and what is in the catalog. */
async function readState(client: pg.Client): Promise<Record<string, unknown>> {
  const { rows: tables } = await client.query<{ name: string }>(
    "select oid::regclass::text as name from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by 1",
  )
  const sums: Record<string, unknown> = {}
  for (const { name } of tables) {
    const { rows } = await client.query(
      `select count(*), md5(string_agg(t::text || xmin || ctid, '' order by ctid)) from ${name} t`,
    )
    sums[name] = rows[0]
  }
  const { rows: sequences } = await client.query('select sequencename, last_value from pg_sequences order by 1')
  const { rows: objects } = await client.query(
    `select (select count(*) from pg_class) as relations, (select count(*) from pg_proc) as functions,
            (select count(*) from pg_namespace) as schemas, (select count(*) from pg_auth_members where roleid = '${role}'::regrole) as members`,
  )
  return { sums, sequences, objects }
}
