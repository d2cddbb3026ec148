import pg from 'pg'
import { expect, it } from 'vitest'
import { plain } from '../../src/access/style.ts'
import { drawMatrix } from '../../src/matrix/draw.ts'
import { printMatrix } from '../../src/matrix/terminal.ts'
import { describePg } from '../support/pg.ts'
import { acme, ada, bob, bolt, cellOf, drawOf, identities, makeDatabase, own, role, wordsOf } from './scene.ts'

const grant = (name: string) => `alter table ${name} enable row level security;
  grant select, insert, update, delete on ${name} to ${role};`

describePg('a matrix of tables that have no row', () => {
  it('tries rows made of the tenants and persons that policies compare, and says so', async () => {
    const matrix = await drawOf(`
      create table bills (id bigint generated always as identity primary key, tenant_id uuid not null, sum numeric(8, 2) not null);
      create policy p on bills to ${role} using (${own}); ${grant('bills')}
      create table diaries (id int primary key, owner_id uuid, text text not null);
      create policy p on diaries to ${role} using (owner_id = claim_sub()); ${grant('diaries')}`)
    const bills = matrix.tables.find(({ name }) => name === 'public.bills')
    expect(bills).toMatchObject({ rows: 0, made: 3 })
    expect(bills?.notes).toEqual([
      'It has no row: 3 were made for the trial from what its policies compare, and rolled back.',
    ])
    expect(wordsOf(matrix, 'public.bills', 'ada')).toEqual({
      select: 'own',
      insert: 'own',
      update: 'own',
      delete: 'own',
    })
    expect(cellOf(matrix, 'public.bills', 'bob', 'delete').reached).toEqual({ own: 1 })
    expect(cellOf(matrix, 'public.diaries', 'ada', 'select').reached).toEqual({ any: 1 })
    expect(cellOf(matrix, 'public.diaries', `no claims (${role})`, 'select')).toMatchObject({ verdict: 'none' })
    const text = printMatrix(matrix, plain)
    expect(text).toContain('public.bills  0 rows, tried on 3 made for the trial, tenant in tenant_id')
    expect(text).toMatch(/ada {31}1\/3 /)
  })

  it.each([
    ['a constant', "state = 'open'"],
    ['one of several constants', "state in ('open', 'won')"],
    ['a boolean column', 'shown'],
    ['a column that has no value', 'deleted_at is null'],
    ['a number', 'level = 3'],
  ])('sees the rows of another tenant that a policy opens by %s', async (_, opened) => {
    const matrix = await drawOf(`
      create table deals (id int primary key, tenant_id uuid not null references tenants, state text not null,
        shown boolean not null, level int not null, deleted_at timestamptz not null default now());
      alter table deals alter deleted_at drop not null;
      create policy p on deals to ${role} using (${own}); create policy q on deals for select to ${role} using (${opened});
      ${grant('deals')}`)
    expect(cellOf(matrix, 'public.deals', 'ada', 'select')).toMatchObject({
      crossTenant: true,
      reached: { own: 1, other: 1 },
    })
    expect(cellOf(matrix, 'public.deals', 'ada', 'delete')).toMatchObject({ crossTenant: false, reached: { own: 1 } })
  })

  it('makes rows that refer to each other, whatever their order', async () => {
    const matrix = await drawOf(`
      create table z_boards (id int primary key, tenant_id uuid not null references tenants);
      create table a_cards (id int primary key, board int not null references z_boards, tenant_id uuid not null);
      create policy p on z_boards to ${role} using (${own}); create policy p on a_cards to ${role} using (${own});
      ${grant('z_boards')} ${grant('a_cards')}`)
    expect(cellOf(matrix, 'public.a_cards', 'ada', 'select').reached).toEqual({ own: 1 })
    expect(cellOf(matrix, 'public.z_boards', 'bob', 'update').reached).toEqual({ own: 1 })
  })

  it('says where none could be made, and makes none where a trigger could reach out', async () => {
    const matrix = await drawOf(`
      create table odd (id int primary key, tenant_id uuid, n int not null check (n % 7 = 3)); ${grant('odd')}
      create function out_of_it() returns trigger language plpgsql as $$ begin copy (select 1) to program 'true'; return new; end $$;
      create table fires (id int primary key, tenant_id uuid); ${grant('fires')}
      create trigger out_of_it after insert on fires for each row execute function out_of_it();`)
    const notesOf = (table: string) => matrix.tables.find(({ name }) => name === table)?.notes.join()
    expect(notesOf('public.odd')).toMatch(/^It has no row, and none could be made for the trial: .*odd_n_check/)
    expect(notesOf('public.fires')).toBe('')
    expect(cellOf(matrix, 'public.fires', 'ada', 'select').verdict).toBe('empty')
  })

  it('does so as an owner under FORCE too, and leaves nothing behind', async () => {
    const database = await makeDatabase(`
      alter schema public owner to rowpass_owner;
      set role rowpass_owner;
      create table bills (id bigserial primary key, tenant_id uuid not null);
      create policy p on bills to ${role} using (${own}); ${grant('bills')}
      alter table bills force row level security; reset role;
      grant ${role} to rowpass_owner`)
    const owner = new pg.Client(database.ownerUrl)
    await owner.connect()
    const matrix = await drawMatrix(owner, { file: identities, role })
    await owner.end()
    expect(cellOf(matrix, 'public.bills', 'ada', 'select').reached).toEqual({ own: 1 })
    const { rows } = await database.client.query(
      "select (select count(*) from bills)::int as n, last_value::int, relforcerowsecurity as force from bills_id_seq, pg_class where oid = 'bills'::regclass",
    )
    expect(rows).toEqual([{ n: 0, last_value: 1, force: true }])
    await database.close()
  })

  it('makes none with --read-only', async () => {
    const matrix = await drawOf(
      `create table bills (id int primary key, tenant_id uuid); create policy p on bills to ${role} using (${own}); ${grant('bills')}`,
      { readOnly: true },
    )
    expect(matrix.tables.find(({ name }) => name === 'public.bills')?.made).toBeUndefined()
    expect(JSON.stringify(matrix.tables)).not.toMatch(new RegExp([acme, bolt, ada, bob].join('|')))
  })
})
