import { beforeAll, expect, it } from 'vitest'
import type { Command } from '../../src/access/catalog/catalog.ts'
import type { Matrix } from '../../src/matrix/cell.ts'
import { describePg } from '../support/pg.ts'
import { cellOf, drawOf, notes, own, role, wordsOf } from './scene.ts'

const sound = `
  create policy s on :t for select to ${role} using (${own});
  create policy i on :t for insert to ${role} with check (${own});
  create policy u on :t for update to ${role} using (${own}) with check (${own});
  create policy d on :t for delete to ${role} using (${own});`

const tables: Record<string, string> = {
  sound,
  movable: `${sound} alter policy u on :t with check (true);`,
  planted: `${sound} alter policy i on :t with check (true);`,
  removable: `${sound} alter policy d on :t using (true);`,
  readable: `${sound} alter policy s on :t using (true);`,
  changeable: `${sound} alter policy u on :t using (true) with check (true);`,
  chosen: `${sound} alter policy u on :t using (true);`,
  moderated: `
    create policy s on :t for select to ${role} using (${own} and approved);
    create policy i on :t for insert to ${role} with check (${own} and not approved);`,
  narrow: `${sound} alter policy s on :t using (true); alter policy d on :t using (true);
    revoke all on :t from ${role}; grant select (id, body), delete on :t to ${role};`,
  referred: `${sound} create table replies (id int primary key, note_id uuid not null references :t);
    insert into replies select row_number() over (), id from :t;`,
  cascading: `${sound} create table answers (id int primary key, note_id uuid not null references :t on delete cascade);`,
  circular: `create policy s on :t to ${role} using (exists (select from :t));`,
}

const more = `
  create view all_notes as select * from sound; grant all on all_notes to ${role};
  create view my_notes with (security_invoker) as select * from sound; grant all on my_notes to ${role};
  create materialized view kept as select * from sound; grant select on kept to ${role};
  create table events (id int, tenant_id uuid not null, kind text, primary key (id, tenant_id)) partition by hash (tenant_id);
  create table events_0 partition of events for values with (modulus 2, remainder 0);
  create table events_1 partition of events for values with (modulus 2, remainder 1);
  insert into events select n, id, 'k' from tenants, generate_series(1, 2) n;
  alter table events enable row level security;
  grant select, insert, update, delete on events to ${role};
  grant select on events_0, events_1 to ${role};
  create policy p on events to ${role} using (${own});`

const closed = { select: 'own', insert: 'own', update: 'own', delete: 'own' }

describePg('planted holes in the matrix', () => {
  let matrix: Matrix
  beforeAll(async () => {
    const sql = Object.entries(tables).map(([name, policies]) => notes(policies, name))
    matrix = await drawOf([...sql, more].join('\n'))
  })

  const ada = (table: string, command: Command) => cellOf(matrix, `public.${table}`, 'ada', command)
  const words = (table: string, subject = 'ada') => wordsOf(matrix, `public.${table}`, subject)

  it('finds none where there are none', () => {
    expect(words('sound')).toEqual(closed)
    expect(ada('sound', 'select').reached).toEqual({ own: 3 })
    expect(cellOf(matrix, 'public.sound', 'bob', 'delete').reached).toEqual({ own: 5 })
    expect(ada('sound', 'update')).toMatchObject({ move: 'policy', verdict: 'rows' })
  })

  it('SEC-43 shows nothing to somebody without claims, and no error', () => {
    const nothing = { select: 'none', insert: 'policy', update: 'none', delete: 'none' }
    expect(words('sound', `no claims (${role})`)).toEqual(nothing)
  })

  it.each([
    ['a row that can be moved', 'movable', { ...closed, update: 'own move!' }],
    ['an INSERT for another tenant', 'planted', { ...closed, insert: 'own other!' }],
    [
      'a DELETE open to all, which only a statement without WHERE reaches',
      'removable',
      { ...closed, delete: 'own other!' },
    ],
    ['rows of others that a SELECT shows', 'readable', { ...closed, select: 'own other!' }],
    ['an UPDATE open to all', 'changeable', { ...closed, update: 'own other move!' }],
  ])('SEC-53 shows %s', (_, table, expected) => {
    expect(words(table)).toEqual(expected)
  })

  it('counts rows of others that can be changed but not seen, and says so', () => {
    expect(ada('changeable', 'update')).toMatchObject({
      reached: { own: 3, other: 5 },
      notes: ['5 of the 8 rows are not seen: only a statement without WHERE and RETURNING reaches them.'],
    })
  })

  it('tells rows that can be chosen from rows that can be changed', () => {
    expect(ada('chosen', 'update')).toMatchObject({ verdict: 'rows', reached: { own: 3 }, crossTenant: false })
    expect(ada('chosen', 'update').notes).toContain(
      '5 rows can be chosen, but WITH CHECK refuses the change: 3 of 5 were tried.',
    )
  })

  it('shows what a view without security_invoker gives away, to read and to write', () => {
    expect(words('all_notes')).toEqual({
      select: 'own other!',
      insert: 'own other!',
      update: 'own other move!',
      delete: 'own other!',
    })
    expect(words('my_notes')).toEqual(closed)
    expect(words('kept')).toEqual({ select: 'own other!', insert: 'grant', update: 'grant', delete: 'grant' })
  })

  it('shows a partition that is reached past the policies of its parent', () => {
    expect(words('events')).toEqual(closed)
    const reached = ['events_0', 'events_1'].map((table) => ada(table, 'select').reached.other ?? 0)
    expect(reached[0]! + reached[1]!).toBe(2)
  })

  it('tells an INSERT that works from the same with RETURNING, which the policy of SELECT refuses', () => {
    expect(ada('moderated', 'insert')).toMatchObject({
      verdict: 'rows',
      reached: { own: 1 },
      returning: 'policy',
      notes: ['With RETURNING the same is refused: the policies of SELECT do not let the identity see the new row.'],
    })
  })

  it('SEC-54 tells whose rows they are though the role may not read the tenant column', () => {
    expect(ada('narrow', 'delete').reached).toEqual({ own: 3, other: 5 })
    expect(ada('narrow', 'select')).toMatchObject({ reached: { other: 5, any: 3 }, crossTenant: true })
    expect(words('narrow')).toMatchObject({ insert: 'grant', update: 'grant' })
  })

  it('SEC-56 tells what a policy lets through from what a constraint then stops', () => {
    expect(ada('referred', 'delete')).toMatchObject({ verdict: 'constraint', reached: { own: 3 } })
  })

  it('SEC-57 counts rows whose removal cascades, and does not remove them', () => {
    const { attempts, notes: says, reached } = ada('cascading', 'delete')
    expect(reached).toEqual({ own: 3 })
    expect(attempts).toHaveLength(1)
    expect(says).toEqual([
      'Counted, not carried out: the foreign key of public.answers changes its rows along, past their policies.',
    ])
  })

  it('shows policies that fail instead of deciding', () => {
    expect(ada('circular', 'select')).toMatchObject({ verdict: 'error', crossTenant: false })
    expect(ada('circular', 'select').attempts[0]?.sqlstate).toBe('42P17')
  })
})
