/**
 * No tenant column: who is in a team is told by another protected table. The owner is the last column, rows are deleted
 * softly, and the keys are integers.
 */
import { allWrites, literal, protect, type Schema } from '../schema.ts'

const ids = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, n) => String(from + n))

/** Letters for others. */
const otherText = (column: string) => `translate(${column}, 'aeiourdnt', 'eiouardtn')`
const otherKey = (column: string) => `case when ${column} >= 1000000 then ${column} + 5000 else ${column} end`

export const teams: Schema = {
  name: 'teams',
  sql: `
    create type plan as enum ('free', 'pro', 'max');
    create table teams (id int primary key, title text not null unique, plan plan not null default 'free');
    create table memberships (
      team_id int not null references teams, user_id text not null, role text not null default 'reader',
      primary key (team_id, user_id)
    );
    create table documents (
      id int primary key, team_id int references teams, title text not null check (title <> ''), tags text[] not null default '{}',
      meta jsonb, stars int, price numeric(8, 2), published bool not null default false, day date,
      deleted_at timestamp, owner_id text not null
    );
    create index on documents (team_id);
    create index on documents (title);
    insert into teams values (1, 'Red', 'free'), (2, 'Blue', 'pro'), (3, 'Green', 'max'), (4, 'Void', 'free');
    insert into memberships values (1, 'ann', 'owner'), (2, 'ann', 'reader'), (2, 'bob', 'owner'), (3, 'bob', 'reader'), (3, 'cas', 'owner');
    insert into documents values
      (1, 1, 'Plan', '{a,b}', '{"size": 1, "tags": ["x"]}', 5, 1.50, true, '2024-01-01', null, 'ann'),
      (2, 1, 'Draft', '{}', null, null, 20.00, false, '2024-02-29', null, 'ann'),
      (3, 2, 'Report', '{b,c}', '{"size": 2}', 3, null, true, null, null, 'ann'),
      (4, 2, 'Notes', '{a}', '{"size": 3, "deep": {"a": null}}', 0, 0.99, false, '2023-12-31', null, 'bob'),
      (5, 2, 'Plan', '{c}', '[1, 2, "three"]', 2, 7.25, true, '2024-01-01', null, 'bob'),
      (6, 3, 'Budget', '{a,b,c}', '{"size": 1}', 5, 100.00, true, '2024-06-01', null, 'bob'),
      (7, 3, 'Secret', '{a}', '{"size": 9}', 1, 3.00, false, '2024-06-02', null, 'cas'),
      (8, null, 'Loose', '{}', '"text"', 4, 4.00, true, '2024-03-03', null, 'cas'),
      (9, null, 'Ann''s own', '{b}', '{}', 4, 12.34, false, '2024-03-03', null, 'ann'),
      (10, 2, 'Old', '{a}', '{}', 1, 1.00, true, '2020-01-01', '2024-01-01 10:00', 'ann');
    ${protect('teams', 'select, update')}
    ${protect('memberships', 'select, insert, update, delete')}
    ${protect('documents', 'select, insert, update, delete')}
    create policy see on memberships for select to authenticated using (user_id = auth.user_id());
    create policy leave on memberships for delete to authenticated using (user_id = (select auth.user_id()));
    create policy enter on memberships for insert to authenticated
      with check (user_id = (select auth.user_id()) and role = 'reader');
    create policy see on teams for select to authenticated
      using (id in (select m.team_id from memberships m where m.user_id = (select auth.user_id())));
    create policy rename on teams for update to authenticated
      using (exists (select from memberships m where m.team_id = teams.id and m.user_id = auth.user_id() and m.role = 'owner'));
    create policy own on documents to authenticated
      using (owner_id = (select auth.user_id()) and deleted_at is null) with check (owner_id = (select auth.user_id()));
    create policy shared on documents for select to authenticated
      using (published and deleted_at is null and team_id = any (array(select m.team_id from memberships m)));`,
  hidden: `
    insert into teams select 1000000 + n, 'amber ' || n, 'pro' from generate_series(1, 9) n;
    insert into memberships select 1000000 + n, 'zed', 'owner' from generate_series(1, 9) n;
    insert into memberships select t, 'zed', 'reader' from generate_series(1, 3) t;
    insert into documents
      select 1000000 + n, 1000000 + n, 'amber ' || n, array['a', 'x'], jsonb_build_object('n', n), n, n * 1.5, true,
        date '2030-01-01' + n, null, 'zed'
      from generate_series(1, 9) n;
    insert into documents
      select 1000500 + n, 1 + n % 3, 'Private ' || n, '{a}', '{"size": 1}', n, 2.5, false, date '2024-01-01' + n, null, 'zed'
      from generate_series(1, 6) n;
    insert into documents
      select 1000600 + n, 1 + n % 3, 'Gone ' || n, '{a,b}', '{}', n, 2.5, true, date '2024-01-01' + n, '2024-02-01', 'ann'
      from generate_series(1, 6) n;`,
  tables: [
    {
      name: 'teams',
      key: ['id'],
      grants: ['update'],
      disguise: {
        id: otherKey('id'),
        title: otherText('title'),
        plan: `case plan when 'pro' then 'max'::plan else plan end`,
      },
      columns: [
        { name: 'id', type: 'int4', samples: ids(1, 5) },
        { name: 'title', type: 'text', samples: ['Red', 'Blue', 'Green', 'Cyan', 'Pink', 'R%'] },
        { name: 'plan', type: 'plan', samples: ['free', 'pro', 'max'] },
      ],
    },
    {
      name: 'memberships',
      key: ['team_id', 'user_id'],
      grants: allWrites,
      disguise: { team_id: otherKey('team_id'), role: otherText('role') },
      columns: [
        { name: 'team_id', type: 'int4', samples: ids(1, 5) },
        { name: 'user_id', type: 'text', samples: ['ann', 'bob', 'cas'] },
        { name: 'role', type: 'text', samples: ['reader', 'reader', 'owner'] },
      ],
    },
    {
      name: 'documents',
      key: ['id'],
      grants: allWrites,
      disguise: {
        id: otherKey('id'),
        team_id: `case when team_id >= 1000000 then team_id + 5000 else team_id % 3 + 1 end`,
        title: otherText('title'),
        tags: `translate(tags::text, 'abcx', 'bcxa')::text[]`,
        meta: `translate(meta::text, '123456789', '234567891')::jsonb`,
        stars: 'stars + 1',
        price: 'case when price >= 1 then price + 1 else price end',
        day: 'day + 1',
        deleted_at: `deleted_at + interval '1 day'`,
        owner_id: `case owner_id when 'zed' then 'zoe' else owner_id end`,
      },
      columns: [
        { name: 'id', type: 'int4', samples: ids(1, 40) },
        { name: 'team_id', type: 'int4', samples: ids(1, 4), reference: true },
        { name: 'title', type: 'text', samples: ['Plan', 'Draft', 'Report', 'New', '%a%', ''] },
        { name: 'tags', type: '_text', samples: ['{}', '{a}', '{a,b}', '{c}'] },
        { name: 'meta', type: 'jsonb', samples: ['{}', '{"size": 1}', '[1, 2]', '{"deep": {"a": 1}}'] },
        { name: 'stars', type: 'int4', samples: ids(0, 6) },
        { name: 'price', type: 'numeric', samples: ['0.99', '1.50', '20.00', '7.25'] },
        { name: 'published', type: 'bool', samples: ['true', 'false'] },
        { name: 'day', type: 'date', samples: ['2024-01-01', '2024-02-29', '2024-06-01'] },
        { name: 'deleted_at', type: 'timestamp', samples: ['2024-05-05 05:05', '2024-01-01'] },
        { name: 'owner_id', type: 'text', samples: ['ann', 'ann', 'bob', 'cas'] },
      ],
    },
  ],
  identities: ['ann', 'bob', 'cas', 'nobody'].map((name) => ({ name, subject: name, claims: {} })),
  rules({ subject }) {
    const me = literal(subject)
    const mine = `(select x.team_id from app.memberships x where x.user_id = ${me})`
    return {
      memberships: {
        values: { user_id: [subject], role: ['reader'], team_id: ['1', '2', '3', '4'] },
        secret: (r) => `${r}.user_id <> ${me}`,
        select: (r) => `${r}.user_id = ${me}`,
        delete: (r) => `${r}.user_id = ${me}`,
        insert: (r) => `${r}.user_id = ${me} and ${r}.role = 'reader'`,
      },
      teams: {
        secret: (r) => `${r}.id >= 1000000`,
        select: (r) => `${r}.id in ${mine}`,
        update: (r) =>
          `${r}.id in (select x.team_id from app.memberships x where x.user_id = ${me} and x.role = 'owner')`,
        updated: (r) =>
          `${r}.id in (select x.team_id from app.memberships x where x.user_id = ${me} and x.role = 'owner')`,
      },
      documents: {
        values: { owner_id: [subject], title: ['Plan', 'Draft', 'New', '%a%'], id: ids(11, 60) },
        secret: (r) =>
          `(${r}.owner_id <> ${me} and (not ${r}.published or ${r}.deleted_at is not null or ${r}.id >= 1000000))`,
        select: (r) =>
          `${r}.deleted_at is null and (${r}.owner_id = ${me} or ${r}.published and ${r}.team_id in ${mine})`,
        insert: (r) => `${r}.owner_id = ${me}`,
        update: (r) => `${r}.owner_id = ${me} and ${r}.deleted_at is null`,
        updated: (r) => `${r}.owner_id = ${me}`,
        delete: (r) => `${r}.owner_id = ${me} and ${r}.deleted_at is null`,
      },
    }
  },
}
