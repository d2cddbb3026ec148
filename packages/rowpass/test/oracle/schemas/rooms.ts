/**
 * Keys of text, an enum, a domain, arrays, ranges and JSON; tenants by a claim, a column that nobody may read, a policy that
 * restricts, one that asks another protected table, and the owner as the last column.
 */
import { allWrites, literal, protect, type Schema } from '../schema.ts'

const slots = Array.from({ length: 14 }, (_, n) => String(n + 1))
const departments: Readonly<Record<string, readonly [dept: string, rank: number]>> = {
  amy: ['north', 2],
  ben: ['north', 1],
  cid: ['south', 3],
  eve: ['empty', 0],
}

export const rooms: Schema = {
  name: 'rooms',
  sql: `
    create type state as enum ('draft', 'open', 'done');
    create domain label as text check (length(value) < 20);
    create table staff (
      dept text not null, handle text not null, name label, ranks int[] not null default '{}', boss text, fee int,
      primary key (dept, handle)
    );
    create table bookings (
      room text not null, slot int not null, during int4range, state state not null default 'draft', notes jsonb,
      tags text[], asked date, dept text not null, owner text not null, primary key (room, slot)
    );
    create index on bookings (state, owner);
    insert into staff values ('north', 'amy', 'Amy', '{1,2}', null, 10), ('north', 'ben', 'Ben', '{2}', 'amy', 20),
      ('south', 'cid', 'Cid', '{3}', 'cid', 30), ('south', 'dan', 'Dan', '{}', 'cid', 40), ('north', 'fay', null, '{4}', 'amy', 50);
    insert into bookings values
      ('red', 1, '[1,5)', 'draft', '{"size": 1}', '{a,b}', '2024-01-01', 'north', 'amy'),
      ('red', 2, '[5,9)', 'done', null, '{}', '2024-02-29', 'north', 'amy'),
      ('red', 3, 'empty', 'done', '{"size": 2}', null, null, 'north', 'ben'),
      ('blue', 1, '(,3]', 'draft', '[1, 2]', '{c}', '2024-01-01', 'north', 'ben'),
      ('blue', 2, '[2,)', 'open', '{}', '{a}', '2024-06-01', 'north', 'fay'),
      ('blue', 3, '[1,2)', 'done', '{"size": 5}', '{a,c}', '2031-01-01', 'north', 'fay'),
      ('attic', 1, null, 'open', '"text"', '{b}', '2024-01-01', 'south', 'cid'),
      ('attic', 2, '[3,4)', 'done', '{"size": 1}', '{b}', '2023-12-31', 'south', 'dan'),
      ('attic', 3, '[8,12)', 'draft', '{"size": 7}', '{a}', '2023-12-31', 'south', 'dan'),
      ('red', 4, '[1,5)', 'draft', '{"size": 4}', '{b}', '2024-03-03', 'south', 'cid');
    ${protect('staff', 'select (dept, handle, name, ranks, boss), insert, update (name, ranks, boss)')}
    ${protect('bookings', 'select, insert, update, delete')}
    create policy near on staff for select to authenticated using (dept = (select auth.claim_text('dept')));
    create policy enter on staff for insert to authenticated
      with check (dept = auth.claim_text('dept') and handle = (select auth.user_id()));
    create policy self on staff for update to authenticated
      using (handle = (select auth.user_id()) and dept = (select auth.claim_text('dept')));
    create policy mine on bookings for select to authenticated using (owner = (select auth.user_id()));
    create policy lead on bookings for select to authenticated
      using (state = 'done' and dept in (select s.dept from staff s where s.boss = (select auth.user_id())));
    create policy book on bookings for insert to authenticated
      with check (owner = (select auth.user_id()) and dept = auth.claim_text('dept'));
    create policy edit on bookings for update to authenticated
      using (owner = auth.user_id() and (auth.claim_int('rank') > 1 or state <> 'done'))
      with check (owner = (select auth.user_id()) and dept = (select auth.claim_text('dept')));
    create policy undo on bookings for delete to authenticated using (owner = auth.user_id() and state = 'draft');
    create policy term on bookings as restrictive to authenticated using (coalesce(asked, '2000-01-01') < '2030-01-01');`,
  hidden: `
    insert into staff select 'west', 'z' || n, 'Name ' || n, array[n], 'z1', 70 + n from generate_series(1, 6) n;
    insert into bookings select 'cellar', 1000 + n, int4range(n, n + 3), (array['draft', 'open', 'done'])[1 + n % 3]::state,
      jsonb_build_object('size', n), array['a', 'c'], date '2024-01-01' + n, 'west', 'z' || n from generate_series(1, 9) n;
    insert into bookings select 'red', 1020 + n, int4range(n, n + 2), 'draft', '{"size": 3}', '{b}', date '2024-05-01' + n,
      (array['north', 'south'])[1 + n % 2], 'z' || n from generate_series(1, 6) n;`,
  tables: [
    {
      name: 'staff',
      key: ['dept', 'handle'],
      grants: ['insert', 'update'],
      disguise: {
        handle: `translate(handle, 'z', 'y')`,
        name: `translate(name, 'aeimn', 'eimna')`,
        ranks: `translate(ranks::text, '123456', '234561')::int[]`,
        boss: `translate(boss, 'z', 'y')`,
        fee: 'fee + 1',
      },
      columns: [
        { name: 'dept', type: 'text', samples: ['north', 'north', 'south'], closed: ['update'] },
        { name: 'handle', type: 'text', samples: ['amy', 'ben', 'cid', 'eve'], closed: ['update'] },
        { name: 'name', type: 'label', samples: ['Amy', 'Ben', 'New', '%n%'] },
        { name: 'ranks', type: '_int4', samples: ['{}', '{1}', '{1,2}', '{4}'] },
        { name: 'boss', type: 'text', samples: ['amy', 'ben', 'cid'] },
        { name: 'fee', type: 'int4', samples: ['10', '20'], closed: ['select', 'update'] },
      ],
    },
    {
      name: 'bookings',
      key: ['room', 'slot'],
      grants: allWrites,
      disguise: {
        slot: 'case when slot >= 1000 then slot + 500 else slot end',
        during: `case when lower(during) is null or upper(during) is null then during
          else int4range(lower(during) + 1, upper(during) + 1) end`,
        state: `case state when 'draft' then 'open'::state when 'open' then 'draft' else state end`,
        notes: `translate(notes::text, '123456789', '234567891')::jsonb`,
        tags: `translate(tags::text, 'abc', 'bca')::text[]`,
        asked: 'asked + 1',
        owner: `translate(owner, 'z', 'y')`,
      },
      columns: [
        { name: 'room', type: 'text', samples: ['red', 'blue', 'attic'] },
        { name: 'slot', type: 'int4', samples: slots },
        { name: 'during', type: 'int4range', samples: ['[1,5)', 'empty', '[2,)', '(,3]'] },
        { name: 'state', type: 'state', samples: ['draft', 'open', 'done'] },
        { name: 'notes', type: 'jsonb', samples: ['{}', '{"size": 1}', '[1, 2]'] },
        { name: 'tags', type: '_text', samples: ['{}', '{a}', '{a,b}'] },
        { name: 'asked', type: 'date', samples: ['2024-01-01', '2024-02-29', '2024-06-01', '2031-01-01'] },
        { name: 'dept', type: 'text', samples: ['north', 'north', 'south'] },
        { name: 'owner', type: 'text', samples: ['amy', 'ben', 'cid'] },
      ],
    },
  ],
  identities: Object.entries(departments).map(([name, [dept, rank]]) => ({
    name,
    subject: name,
    claims: { dept, rank },
  })),
  rules({ subject }) {
    const [dept = '', rank = 0] = departments[subject] ?? []
    const [me, mine] = [literal(subject), literal(dept)]
    const near = (r: string) => `not coalesce(${r}.asked >= '2030-01-01', false)`
    return {
      staff: {
        values: { dept: [dept], handle: [subject] },
        secret: (r) => `${r}.dept <> ${mine}`,
        select: (r) => `${r}.dept = ${mine}`,
        insert: (r) => `(${r}.dept, ${r}.handle) = (${mine}, ${me})`,
        update: (r) => `(${r}.dept, ${r}.handle) = (${mine}, ${me})`,
        updated: (r) => `(${r}.dept, ${r}.handle) = (${mine}, ${me})`,
      },
      bookings: {
        values: { owner: [subject], dept: [dept], asked: ['2024-01-01', '2024-06-01'], state: ['draft', 'open'] },
        secret: (r) => `(${r}.owner <> ${me} and (${r}.dept <> ${mine} or ${r}.state <> 'done' or not ${near(r)}))`,
        select: (r) =>
          `${near(r)} and (${r}.owner = ${me} or ${r}.state = 'done' and ${r}.dept = ${mine}
            and exists (select from app.staff x where x.dept = ${mine} and x.boss = ${me}))`,
        insert: (r) => `${near(r)} and ${r}.owner = ${me} and ${r}.dept = ${mine}`,
        update: (r) => `${near(r)} and ${r}.owner = ${me} and ${rank > 1 ? 'true' : `${r}.state in ('draft', 'open')`}`,
        updated: (r) => `${near(r)} and ${r}.owner = ${me} and ${r}.dept = ${mine}`,
        delete: (r) => `${near(r)} and ${r}.owner = ${me} and ${r}.state = 'draft'`,
      },
    }
  },
}
