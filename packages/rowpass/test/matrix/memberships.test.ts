import { expect, it } from 'vitest'
import type { Matrix } from '../../src/matrix/cell.ts'
import { describePg } from '../support/pg.ts'
import { cellOf, drawOf, drawSampled, role, wordsOf } from './scene.ts'

/** Groups with integer keys, members by text, and no claim that says a group. */
const groups = `
  drop table tenants;
  create table crews (id bigint primary key, name text);
  insert into crews values (10, 'red'), (20, 'blue');
  create table crew_people (crew bigint references crews, person text, primary key (crew, person));
  insert into crew_people values (10, 'ann'), (10, 'abe'), (20, 'ben'), (20, 'bea');
  create function me() returns text language sql stable
    as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub' $$;
  create function in_crew(c bigint) returns boolean language sql stable security definer set search_path = public
    as $$ select exists (select from crew_people p where p.crew = c and p.person = me()) $$;
  create function my_crews() returns setof bigint language plpgsql stable security definer set search_path = public
    as $$ begin return query select p.crew from crew_people p where p.person = me(); end $$;
  grant select on crews, crew_people to ${role};`

const forms: Record<string, string> = {
  'a sub-select': 'crew in (select p.crew from crew_people p where p.person = me())',
  'an array of one': 'crew = any (array(select p.crew from crew_people p where p.person = me()))',
  exists: 'exists (select from crew_people p where p.crew = jobs.crew and p.person = (select me()))',
  'a join': `exists (select from crews c join crew_people p on p.crew = c.id
    where c.id = jobs.crew and p.crew = jobs.crew and me() = p.person)`,
  'a function that takes it': 'in_crew(crew)',
  'a function that gives it': 'crew in (select my_crews())',
}

function jobs(policy: string): string {
  return `${groups}
    create table jobs (id int primary key, crew bigint not null, title text);
    insert into jobs values (1, 10, 'a'), (2, 10, 'b'), (3, 20, 'c');
    alter table jobs enable row level security; grant select, insert, update, delete on jobs to ${role};
    create policy p on jobs to ${role} using (${policy});`
}

const noteOf = ({ notes }: Matrix) => notes.find((note) => note.startsWith('Tenants:'))

describePg('a matrix where membership says whose rows are whose', () => {
  it.each(Object.entries(forms))('understands %s', async (_, policy) => {
    const matrix = await drawSampled(jobs(policy))
    expect(matrix.subjects.map(({ name, tenants }) => [name, tenants])).toEqual([
      ['member abe', ['10']],
      ['member bea', ['20']],
      ['member ann', ['10']],
      ['member ben', ['20']],
      [`no claims (${role})`, []],
    ])
    expect(noteOf(matrix)).toContain(
      'a member of by public.crew_people, where person is the claim sub and crew the tenant',
    )
    const own = { select: 'own', insert: 'own', update: 'own', delete: 'own' }
    expect(wordsOf(matrix, 'public.jobs', 'member abe')).toEqual(own)
    expect(cellOf(matrix, 'public.jobs', 'member abe', 'select').reached).toEqual({ own: 2 })
    expect(cellOf(matrix, 'public.jobs', 'member bea', 'update').reached).toEqual({ own: 1 })
  })

  it('sees rows of another crew behind a policy that adds them', async () => {
    const sql = `${jobs(forms.exists!)} create policy hole on jobs for select to ${role} using (title = 'c')`
    const matrix = await drawSampled(sql)
    expect(cellOf(matrix, 'public.jobs', 'member abe', 'select')).toMatchObject({
      reached: { own: 2, other: 1 },
      crossTenant: true,
    })
  })

  it('knows the crews of identities that are given, also where the table of members has FORCE', async () => {
    const sql = `${jobs(forms['a function that takes it']!)} alter table crew_people enable row level security;
      alter table crew_people force row level security; create policy all_people on crew_people to ${role} using (true)`
    const matrix = await drawOf(sql, { file: JSON.stringify([{ name: 'x', claims: { sub: 'ann' } }]) })
    expect(matrix.subjects[0]).toMatchObject({ name: 'x', tenants: ['10'] })
  })

  it.each([
    [
      'rows that are shared with others beside their own person',
      `create table docs (id int primary key, owner text, shelf bigint); insert into docs values (1, 'ann', 30);
       alter table docs enable row level security; grant select on docs to ${role};
       create policy p on docs to ${role} using (owner = me() or shelf in (select p.crew from crew_people p where p.person = me()))`,
    ],
    [
      'rows that are shared one by one, by their key',
      `create table docs (id bigint primary key, title text); insert into docs values (1, 'a');
       alter table docs enable row level security; grant select on docs to ${role};
       create policy p on docs to ${role} using (id in (select p.crew from crew_people p where p.person = me()))`,
    ],
  ])('is not mistaken for one: %s', async (_, sql) => {
    expect(noteOf(await drawSampled(`${groups} ${sql}`))).toBeUndefined()
  })
})
