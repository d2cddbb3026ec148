import { beforeAll, expect, it } from 'vitest'
import type { Matrix } from '../../src/matrix/cell.ts'
import { parseSubjects } from '../../src/matrix/subjects.ts'
import { describePg } from '../support/pg.ts'
import { acme, ada, bob, bolt, cellOf, drawOf, own, role, wordsOf } from './scene.ts'

const hostile = '"; drop table tenants; -- $& Ünï'
const quoted = `"${hostile.replaceAll('"', '""')}"`
const all = `grant select, insert, update, delete on`

const scene = `
  create schema ${quoted}; grant usage on schema ${quoted} to ${role};
  create table ${quoted}.${quoted} (${quoted} int primary key, tenant_id uuid not null, "Upper" text);
  insert into ${quoted}.${quoted} values (1, '${acme}', 'x'), (2, '${bolt}', 'y');
  alter table ${quoted}.${quoted} enable row level security;
  create policy ${quoted} on ${quoted}.${quoted} to ${role} using (${own});
  ${all} ${quoted}.${quoted} to ${role};

  create type mood as enum ('sad', 'it''s "fine"');
  create domain rating as int not null check (value between 1 and 5);
  create domain even as int check (value % 2 = 0);
  create type place as (street text, "No" int);
  create table typed (
    tenant_id uuid not null, mood mood not null, rating rating, place place not null, tags text[] not null,
    span int4range not null, day date not null, raw bytea not null, doc jsonb not null, amount numeric(6, 2) not null
  );
  insert into typed values ('${acme}', 'it''s "fine"', 3, row('a, "b"', 2), array['x,"y"', null], '[1,5)', '2024-02-29', '\\xff00', '{"a": [1]}', 1.5),
    ('${bolt}', 'sad', 1, row(null, null), '{}', 'empty', '2024-01-01', '\\x', '[]', 0);
  ${all} typed to ${role};

  create table empty (like typed);
  alter table empty add id int primary key, add up int generated always as (id * 2) stored, add tenant uuid not null references tenants;
  alter table empty enable row level security; create policy p on empty to ${role} using (${own});
  ${all} empty to ${role};
  create table strict (tenant_id uuid not null, n even not null);
  ${all} strict to ${role};

  create table keyless (tenant_id uuid, body text);
  insert into keyless values ('${acme}', 'a'), ('${acme}', 'a'), ('${bolt}', 'b'), (null, 'everybody');
  alter table keyless enable row level security;
  create policy p on keyless to ${role} using (${own} or tenant_id is null);
  ${all} keyless to ${role};

  create table profiles (id uuid primary key, name text not null default 'new');
  insert into profiles values ('${bob}', 'Bob');
  alter table profiles enable row level security;
  create policy p on profiles to ${role} using (id = (select claim_sub()));
  ${all} profiles to ${role};

  create table orders (id uuid primary key default gen_random_uuid(), owner_id uuid not null, tenant_id uuid not null, total int);
  insert into orders (owner_id, tenant_id, total) values ('${bob}', '${acme}', 1), ('${bob}', '${bolt}', 1);
  alter table orders enable row level security;
  create policy p on orders to ${role} using (owner_id = (select claim_sub()) and ${own});
  ${all} orders to ${role};

  create table nothing ();
  ${all} nothing to ${role};
  create table only_key (id int generated always as identity primary key);
  insert into only_key default values;
  ${all} only_key to ${role};
  create table parted (tenant_id uuid not null, region text not null, n int) partition by list (region);
  create table parted_eu partition of parted for values in ('eu');
  insert into parted values ('${acme}', 'eu', 1), ('${bolt}', 'eu', 2);
  alter table parted enable row level security; create policy p on parted to ${role} using (${own});
  ${all} parted to ${role};`

describePg('the matrix of tables of every shape', () => {
  let matrix: Matrix
  beforeAll(async () => {
    matrix = await drawOf(scene)
  })

  const closed = { select: 'own', insert: 'own', update: 'own', delete: 'own' }
  const open = { select: 'own other!', insert: 'own other!', update: 'own other move!', delete: 'own other!' }

  it('takes names as they are', () => {
    const table = `${quoted}.${quoted}`
    expect(wordsOf(matrix, table, 'ada')).toEqual(closed)
    expect(cellOf(matrix, table, 'ada', 'select').policies).toEqual([hostile.slice(0, 63)])
  })

  it.each([
    ['enums, domains, composite types, arrays, ranges, bytes, without a key', 'typed', open],
    ['partitioned, partitions not granted', 'parted', closed],
    [
      'no tenant column, a person as the key',
      'profiles',
      { select: 'none', insert: 'any', update: 'none', delete: 'none' },
    ],
    [
      'rows of a person: none are there, one can be added',
      'orders',
      { select: 'none', insert: 'own', update: 'none', delete: 'none' },
    ],
    [
      'rows of no tenant',
      'keyless',
      { select: 'own shared', insert: 'own shared', update: 'own shared', delete: 'own shared' },
    ],
    ['no rows: some are made', 'empty', closed],
    ['a key that cannot be set', 'only_key', { select: 'any', insert: 'any', update: 'untried', delete: 'any' }],
  ])('%s: %s', (_, table, expected) => {
    expect(wordsOf(matrix, `public.${table}`, 'ada')).toEqual(expected)
  })

  it('says where no row could be made for an empty table, and that everything will be open', () => {
    const insert = cellOf(matrix, 'public.strict', 'ada', 'insert')
    expect(insert.verdict).toBe('untried')
    expect(insert.notes[0]).toMatch(/^No row could be made that the table takes: value for domain even violates/)
    expect(cellOf(matrix, 'public.strict', 'ada', 'select').notes).toEqual([
      'Row-level security is off: every row that comes will be reached.',
    ])
  })

  it('has a line for a table without columns', () => {
    expect(wordsOf(matrix, 'public.nothing', 'ada')).toMatchObject({ select: 'empty' })
  })

  it('calls a row of the person’s own no row of another tenant, where the person is the tenant', async () => {
    const personal = await drawOf(
      `create table todos (id int primary key generated always as identity, sub uuid not null, body text);
       insert into todos (sub) values ('${ada}'), ('${bob}');
       ${all} todos to ${role}; alter table todos enable row level security;
       create policy p on todos using (sub = (select claim_sub()));`,
      { tenantColumns: ['sub'], tenantClaim: 'sub', tables: ['todos'] },
    )
    expect(wordsOf(personal, 'public.todos', 'ada')).toEqual({
      select: 'own',
      insert: 'own',
      update: 'own',
      delete: 'own',
    })
  })

  it('needs no role where policies name none and every identity does', () => {
    const named = JSON.stringify([{ name: 'ada', role, claims: { sub: ada } }])
    expect(parseSubjects(named, undefined)).toMatchObject([{ name: 'ada', role }])
    const nameless = JSON.stringify([{ name: 'ada', claims: { sub: ada } }])
    expect(() => parseSubjects(nameless, undefined)).toThrow(
      expect.objectContaining({
        code: 'input_invalid',
        detail: 'no role named by a policy was found: name one with --role',
      }),
    )
  })

  it('keeps no value of a row', () => {
    const text = JSON.stringify(matrix.tables)
    expect(text).not.toContain('everybody')
    for (const value of [ada, acme, bolt]) expect(text).not.toContain(value)
  })
})
