/** What a refusal says to do next, and that it is true: each hint of a policy is checked against a statement that it lets pass. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { describePg } from '../support/pg.ts'
import { type Scene, startScene } from './scene.ts'

const documents = `
  create table documents (
    id int primary key,
    owner text not null default auth.user_id(),
    locked boolean not null default false,
    deleted boolean not null default false
  );
  alter table documents enable row level security;
  create policy documents_select on documents for select to authenticated using (owner = auth.user_id() and not deleted);
  create policy documents_insert on documents for insert to authenticated with check (owner = auth.user_id());
  create policy documents_update on documents for update to authenticated
    using (owner = auth.user_id() and not locked) with check (owner = auth.user_id());
  create policy documents_delete on documents for delete to authenticated using (owner = auth.user_id() and not locked);
  grant select, insert, update, delete on documents to authenticated;
  insert into documents values (1, 'ada', false), (2, 'ada', true), (3, 'bob', false);

  create table numbered (id serial primary key, note text);
  grant select, insert on numbered to authenticated;
`

const insert = 'The policies for INSERT do not let this identity write this row.'
const readInsert =
  /^policy_refused: The policies for INSERT do not .*, or those for SELECT would not .* RETURNING or ON CONFLICT/
const update =
  /^policy_refused: The policies for UPDATE do not .*, or those for SELECT would not .* WHERE, SET or RETURNING/
const insertOrUpdate =
  /^policy_refused: The policies for INSERT, or for UPDATE, do not .*, or those for SELECT would not/

describePg('hints of refusals', () => {
  let scene: Scene
  beforeAll(async () => {
    scene = await startScene({}, documents)
  })
  afterAll(() => scene.close())

  const insertOf = (values: string, more = '') =>
    `insert into documents (id, owner, deleted) values (${values}) ${more}`
  /** Each refused statement, its hint, and one that differs in what the hint names and is not refused by a policy. */
  it.each<[refused: string, hint: unknown, allowed: string]>([
    [insertOf(`10, 'bob', false`), `policy_refused: ${insert}`, insertOf(`10, 'ada', false`)],
    [insertOf(`11, 'bob', false`, 'on conflict do nothing'), `policy_refused: ${insert}`, insertOf(`11, 'ada', false`)],
    [insertOf(`12, 'ada', true`, 'returning id'), expect.stringMatching(readInsert), insertOf(`12, 'ada', true`)],
    [
      insertOf(`13, 'ada', true`, 'on conflict (id) do nothing'),
      expect.stringMatching(readInsert),
      insertOf(`13, 'ada', true`, 'on conflict do nothing'),
    ],
    [
      'update documents set deleted = true where id = 1',
      expect.stringMatching(update),
      `update documents set deleted = false where id = 1`,
    ],
    [
      `update documents set owner = 'bob' where id = 1 returning id`,
      expect.stringMatching(update),
      `update documents set owner = 'ada' where id = 1 returning id`,
    ],
    [
      insertOf(`3, 'ada', false`, 'on conflict (id) do update set deleted = false'),
      'policy_refused: The row that is there already is hidden from this identity, or not one that it may update.',
      insertOf(`1, 'ada', false`, 'on conflict (id) do update set deleted = false'),
    ],
    [
      insertOf(`2, 'ada', false`, 'on conflict (id) do update set deleted = false'),
      'policy_refused: The row that is there already is hidden from this identity, or not one that it may update.',
      insertOf(`1, 'ada', false`, 'on conflict (id) do update set deleted = false'),
    ],
    [
      insertOf(`1, 'ada', false`, `on conflict (id) do update set owner = 'bob'`),
      expect.stringMatching(insertOrUpdate),
      insertOf(`1, 'ada', false`, `on conflict (id) do update set owner = 'ada'`),
    ],
    [
      'merge into documents d using (values (2)) v (id) on d.id = v.id when matched then update set deleted = false',
      'policy_refused: A row that MERGE has found is not one that this identity may update or delete.',
      'merge into documents d using (values (1)) v (id) on d.id = v.id when matched then update set deleted = false',
    ],
    [
      'merge into documents d using (values (1)) v (id) on d.id = v.id when matched then update set deleted = true',
      expect.stringMatching(insertOrUpdate),
      'merge into documents d using (values (1)) v (id) on d.id = v.id when matched then update set locked = false',
    ],
    [
      `with a as (${insertOf(`14, 'ada', false`)}), b as (${insertOf(`15, 'bob', false`)}) select 1`,
      expect.stringMatching(/^policy_refused: The policies do not let .* those for SELECT count as well\.$/),
      insertOf(`15, 'ada', false`),
    ],
  ])('SEC-59 say which policies count for %s', async (refused, hint, allowed) => {
    expect((await scene.gateway.sql(scene.ada, refused)).body).toMatchObject({ code: '42501', hint })
    // In a batch it is the second statement that fails.
    const { body } = await scene.gateway.batch(scene.ada, ['select 1', refused])
    expect(body).toMatchObject({ code: '42501', hint })
    expect((await scene.gateway.sql(scene.ada, allowed)).body).toMatchObject({ rowCount: 1 })
  })

  it('SEC-59 say no more where the row that is there is hidden than where it is locked', async () => {
    const answers = [2, 3].map(
      async (id) =>
        (await scene.gateway.sql(scene.ada, insertOf(`${id}, 'ada', false`, 'on conflict (id) do update set id = 9')))
          .body,
    )
    const [locked, hidden] = await Promise.all(answers)
    expect(locked).toEqual(hidden)
  })

  it('SEC-59 an UPDATE that reads nothing of the row may hide it, as the hint says', async () => {
    const { body } = await scene.gateway.sql(scene.bob, 'update documents set deleted = true')
    expect(body).toMatchObject({ rowCount: 1 })
  })

  it('name the privilege on a sequence', async () => {
    expect((await scene.gateway.sql(scene.ada, `insert into numbered (note) values ('x')`)).body).toMatchObject({
      code: '42501',
      message: 'permission denied for sequence numbered_id_seq',
      hint: expect.stringMatching(/^grant_missing: .*needs USAGE on it/),
    })
    await scene.asOwner('grant usage on sequence numbered_id_seq to authenticated')
    expect((await scene.gateway.sql(scene.ada, `insert into numbered (note) values ('x')`)).body).toMatchObject({
      rowCount: 1,
    })
  })

  it('none is needed for a comment inside of NOT IN, which is left out on the way', async () => {
    const sql = `select '/* x */' as text where 1 not /* c */ in ($1::int) -- c`
    expect((await scene.gateway.sql(scene.ada, sql, [2])).body.rows).toEqual([{ text: '/* x */' }])
    expect((await scene.gateway.sql(scene.ada, sql, [1])).body.rows).toEqual([])
    const failing = await scene.gateway.sql(scene.ada, 'select 1 where 1 not /* c */ in (2) and absent')
    expect(failing.body).toMatchObject({ code: '42703', position: '41' })
  })

  describe('of a statement that is refused', () => {
    it.each([
      ['create temp table x (a int)', 'WITH … AS'],
      ['create temporary table x as select 1', 'WITH … AS'],
      ['create temp view x as select 1', 'WITH … AS'],
      ['create temp sequence x', 'WITH … AS'],
      ['select 1 as a into temp x', 'WITH … AS'],
      ['create table x (a int)', 'Run migrations as the owner.'],
      ['create table x as select 1', 'Run migrations as the owner.'],
      ["select * from crosstab('select 1') as c (a int)", 'sum(v) filter (where k = …)'],
      ["select * from connectby('a', 'b', 'c', 'd', 0) as c (a int)", 'WITH RECURSIVE'],
      ['select pg_advisory_xact_lock(1)', 'belong to everybody in this database'],
      ['select pg_try_advisory_xact_lock(1, 2)', 'call a function of the owner that makes the key'],
      ['explain select 1', 'rowpass why'],
      ["select pg_total_relation_size('documents')", 'SELECT count(*)'],
    ])('names what serves instead of %s', async (sql, instead) => {
      const { body } = await scene.gateway.sql(scene.ada, sql)
      expect(body).toMatchObject({ code: '42501', hint: expect.stringMatching(/^statement_refused/) })
      expect(body.message).toContain(instead)
    })

    it('a function of the owner may lock, as the advice says, until the end of the transaction', async () => {
      await scene.asOwner(`
        create function lock_mine() returns void language sql
          return pg_advisory_xact_lock(hashtextextended(auth.user_id(), 0));
        grant execute on function lock_mine() to authenticated`)
      const locks = `select count(*)::int as n from pg_locks join pg_database d on d.oid = database
        where locktype = 'advisory' and datname = current_database()`
      const { body } = await scene.gateway.batch(scene.ada, ['select lock_mine()', 'select 1 as one'])
      expect(body.results[1].rows).toEqual([{ one: '1' }])
      expect(await scene.asSuperuser(locks)).toEqual([{ n: 0 }])
    })
  })
})
