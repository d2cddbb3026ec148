import { beforeAll, expect, it } from 'vitest'
import type { Matrix } from '../../src/matrix/cell.ts'
import { describePg } from '../support/pg.ts'
import { ada, bob, cellOf, drawOf, drawSampled, role } from './scene.ts'

const columns = ['user_id', 'owner_id', 'author_id', 'created_by', 'assignee'] as const

/** A row of Ada's and one of Bob's, without tenants and with integer keys; the person stands first. */
function diary(name: string, column: string, grants: string): string {
  return `
    create table ${name} (id int primary key, ${column} uuid, title text, body text);
    insert into ${name} values (1, '${ada}', 'a', 'a'), (2, '${bob}', 'b', 'b');
    alter table ${name} enable row level security;
    create policy p on ${name} to ${role} using (${column} = claim_sub());
    grant ${grants} on ${name} to ${role};`
}

const scene = [
  'drop table tenants;',
  ...columns.map((column) => diary(`by_${column}`, column, 'select, insert, update, delete')),
  diary('lone', 'user_id', 'select, update (user_id)'),
  diary('unseen', 'user_id', 'update (user_id), delete'),
].join('\n')

describePg('a matrix of rows that belong to persons', () => {
  let matrix: Matrix
  beforeAll(async () => {
    const file = JSON.stringify([
      { name: 'ada', claims: { sub: ada } },
      { name: 'bob', claims: { sub: bob } },
    ])
    matrix = await drawOf(scene, { file })
  })

  it.each(columns)('tries UPDATE with a value that no policy reads, where %s says whose the row is', (column) => {
    for (const name of ['ada', 'bob']) {
      const cell = cellOf(matrix, `public.by_${column}`, name, 'update')
      expect(cell).toMatchObject({ verdict: 'rows', reached: { any: 1 } })
      expect(cell.attempts[0]?.sql).toBe(`update public.by_${column} set "title" = $1`)
    }
    expect(cellOf(matrix, `public.by_${column}`, `no claims (${role})`, 'update')).toMatchObject({ verdict: 'none' })
  })

  it("tries it with the row's own value where that is the only column", () => {
    for (const name of ['ada', 'bob']) {
      const cell = cellOf(matrix, 'public.lone', name, 'update')
      expect(cell).toMatchObject({ verdict: 'rows', reached: { any: 1 } })
      expect(cell.attempts.at(-1)?.sql).toBe('update public.lone set "user_id" = "user_id"')
    }
  })

  it('tries it with the value of another row where the role may read none, and says what refuses', () => {
    expect(cellOf(matrix, 'public.unseen', 'ada', 'update')).toMatchObject({ verdict: 'rows' })
    expect(cellOf(matrix, 'public.unseen', 'bob', 'update')).toMatchObject({
      verdict: 'policy',
      notes: [expect.stringMatching(/WITH CHECK refuses the change/)],
    })
  })
})

describePg('people whom a matrix samples by itself', () => {
  const sampled = async (sql: string) => drawSampled(`drop table tenants; ${sql}`)
  const reads = (matrix: Matrix, table: string) =>
    matrix.tables.find(({ name }) => name === table)!.lines.map(({ cells }) => cells.select.reached.any ?? 0)

  it('are of the next table where the one of users is empty', async () => {
    const users = 'create table users (id uuid primary key); create table people (id uuid primary key);'
    const diaries = `${diary('notes', 'owner_id', 'select')} delete from notes; ${diary('docs', 'user_id', 'select')}`
    const matrix = await sampled(users + diaries)
    expect(matrix.subjects.map(({ claims }) => claims)).toEqual([{ sub: ada }, { sub: bob }, {}])
    expect(reads(matrix, 'public.docs')).toEqual([1, 1, 0])
    const ofPeople = await sampled(`${users} insert into people values ('${bob}'); ${diaries}`)
    expect(ofPeople.subjects.map(({ claims }) => claims)).toEqual([{ sub: bob }, {}])
    const ofNobody = await sampled(`${users} ${diaries} delete from docs`)
    expect(ofNobody.notes[0]).toBe(
      'Identities: public.users has none to sample. Name some with --identities or --sample.',
    )
  })

  it('are of the column that policies compare with the claim, and not the key of another type', async () => {
    const matrix = await sampled(`
      create table members (id bigint generated always as identity primary key, user_id uuid unique);
      insert into members (user_id) values ('${ada}'), ('${bob}'); grant select on members to ${role};
      ${diary('docs', 'user_id', 'select, update')}`)
    expect(matrix.notes[0]).toBe(
      `Identities: sampled from public.members, claims sub from user_id, database role ${role}.`,
    )
    expect(matrix.subjects.map(({ claims }) => claims)).toEqual([{ sub: ada }, { sub: bob }, {}])
    expect(reads(matrix, 'public.docs')).toEqual([1, 1, 0])
    expect(matrix.tables.flatMap(({ lines }) => lines.flatMap(({ cells }) => cells.select.verdict))).not.toContain(
      'error',
    )
  })

  it('are of what policies compare where no table is one of users', async () => {
    const matrix = await sampled(diary('docs', 'owner', 'select'))
    expect(matrix.notes[0]).toBe(
      `Identities: sampled from what policies compare with claims in public.docs, sub from owner, database role ${role}.`,
    )
    expect(reads(matrix, 'public.docs')).toEqual([1, 1, 0])
  })

  it('have claims inside of claims, and those of a membership', async () => {
    const matrix = await sampled(`
      create table seats (team int, person uuid, primary key (team, person)); grant select on seats to ${role};
      insert into seats values (1, '${ada}'), (2, '${bob}');
      create table boards (id int primary key, team int, region text); grant select on boards to ${role};
      insert into boards values (1, 1, 'north'), (2, 2, 'south');
      alter table boards enable row level security;
      create policy p on boards to ${role} using (
        team in (select s.team from seats s where s.person = (select claim_sub()))
        or region = (nullif(current_setting('request.jwt.claims', true), '')::jsonb -> 'app_metadata' ->> 'region'))`)
    const [first] = matrix.subjects
    expect(first?.claims).toEqual({ sub: ada })
    expect(reads(matrix, 'public.boards')).toEqual([1, 1, 0])
  })

  it('have the claims that one setting each holds', async () => {
    const matrix = await sampled(`
      drop function claim_sub, claim_tenant;
      create table notes (id int primary key, writer int); insert into notes values (1, 7), (2, 8), (3, 8);
      grant select on notes to ${role}; alter table notes enable row level security;
      create policy p on notes to ${role} using (writer = nullif(current_setting('jwt.claims.user_id', true), '')::int)`)
    expect(matrix.subjects.map(({ claims }) => claims)).toEqual([{ user_id: '8' }, { user_id: '7' }, {}])
    expect(reads(matrix, 'public.notes')).toEqual([2, 1, 0])
  })
})
