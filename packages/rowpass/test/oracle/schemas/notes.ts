/**
 * A table that another one inherits from, each with policies of its own; a list of spaces as a claim, rows that are deleted
 * softly, a policy that restricts reading alone, columns that may not be written, and a view that asks as its caller.
 */
import { protect, type Schema } from '../schema.ts'

const ids = (from: number, to: number): string[] => Array.from({ length: to - from + 1 }, (_, n) => String(from + n))
const spacesOf: Readonly<Record<string, readonly string[]>> = { 1: ['a', 'b'], 2: ['b'], 3: ['c'], 4: [] }
const boardSql = 'select n.id, n.body, s.title from notes n join spaces s on s.code = n.space'
const disguise = {
  id: 'case when id >= 1000000 then id + 5000 else id end',
  space: `translate(space, 'z', 'y')`,
  body: `translate(body, 'aeiourdnt', 'eiouardtn')`,
  score: 'case when score >= 1 then score + 1 else score end',
  at: `at + interval '1 day'`,
  author: 'case when author > 100 then author + 1000 else author end',
}
/** Never the same in both tables, so that rows of both together have a key too. */
const id = { name: 'id', type: 'int4', samples: ids(1, 60), closed: ['update'] } as const
const others = [
  { name: 'space', type: 'text', samples: ['a', 'b', 'c', 'd'] },
  { name: 'body', type: 'text', samples: ['Plan', 'Draft', 'New', '%a%'] },
  { name: 'score', type: 'numeric', samples: ['0.50', '3.00', '7.25', '95.00'], closed: ['update'] },
  { name: 'at', type: 'timestamp', samples: ['2024-05-05 05:05', '2024-01-01 00:00'] },
  { name: 'gone', type: 'bool', samples: ['false', 'false', 'true'] },
  { name: 'author', type: 'int4', samples: ['1', '1', '2', '3'] },
] as const

export const notes: Schema = {
  name: 'notes',
  sql: `
    create table spaces (code text primary key, title text not null, open bool not null default false);
    create table notes (
      id int primary key, space text not null, body text, score numeric(6, 2), at timestamp, gone bool not null default false,
      author int not null
    );
    create table pinned (rank int, primary key (id)) inherits (notes);
    create index on notes (author);
    insert into spaces values ('a', 'Alpha', false), ('b', 'Beta', false), ('c', 'Gamma', false), ('d', 'Delta', true);
    insert into notes values
      (1, 'a', 'Plan', 3.00, '2024-01-01', false, 1), (2, 'a', 'Draft', 7.25, null, true, 1), (3, 'b', 'Idea', null, '2024-05-05 05:05', false, 2),
      (4, 'b', 'Rank', 95.00, '2024-02-02', false, 2), (5, 'c', 'Note', 0.50, null, false, 3), (6, 'd', 'Open', 4.00, '2024-03-03', false, 3),
      (7, 'd', null, 97.00, '2024-03-03', false, 3), (8, 'b', 'Mine', 2.00, '2023-12-31', false, 1);
    insert into pinned values (71, 'a', 'Pin', 1.00, '2024-01-01', false, 1, 1), (72, 'b', 'Top', 8.00, null, false, 2, 2),
      (73, 'd', 'Gone', 8.50, null, true, 3, 3), (74, 'b', 'Best', 99.00, '2024-01-02', false, 2, 4);
    ${protect('spaces', 'select, update (title, open)')}
    ${protect('notes', 'select, insert, update (space, body, at, gone, author), delete')}
    ${protect('pinned', 'select, insert, update (space, body, at, gone, author, rank)')}
    create policy see on spaces for select to authenticated
      using (open or code = any ((select auth.claim_texts('spaces'))::text[]));
    create policy edit on spaces for update to authenticated
      using (code = any (auth.claim_texts('spaces'))) with check (not open);
    create policy see on notes for select to authenticated
      using (not gone and (author = (select auth.claim_int('sub')) or space in (select code from spaces)));
    create policy best on notes as restrictive for select to authenticated
      using (score is null or score < 90 or author = auth.claim_int('sub'));
    create policy write on notes for insert to authenticated
      with check (author = auth.claim_int('sub') and space in (select code from spaces where not open));
    create policy edit on notes for update to authenticated
      using (author = (select auth.claim_int('sub')) and not gone) with check (author = (select auth.claim_int('sub')));
    create policy drop on notes for delete to authenticated using (author = (select auth.claim_int('sub')) and score < 5);
    create policy see on pinned for select to authenticated using (not gone and author = auth.claim_int('sub'));
    create policy write on pinned for insert to authenticated with check (author = auth.claim_int('sub'));
    create policy edit on pinned for update to authenticated using (author = (select auth.claim_int('sub')));
    create view board with (security_invoker) as ${boardSql};
    grant select on board to authenticated;`,
  hidden: `
    insert into spaces select 'z' || n, 'Zone ' || n, false from generate_series(1, 5) n;
    insert into notes select 1000000 + n, 'z' || n % 5, 'Hidden ' || n, 10 + n, timestamp '2024-01-01' + n * interval '1 day',
      false, 9000 + n from generate_series(1, 9) n;
    insert into notes select 1000100 + n, 'd', 'Best ' || n, 90 + n, null, false, 1 + n % 3 from generate_series(1, 6) n;
    insert into notes select 1000200 + n, 'b', 'Gone ' || n, 3, null, true, 1 + n % 3 from generate_series(1, 6) n;
    insert into pinned select 1000300 + n, 'z1', 'Hidden ' || n, 20 + n, null, false, 9000 + n, n from generate_series(1, 7) n;`,
  tables: [
    {
      name: 'spaces',
      key: ['code'],
      grants: ['update'],
      disguise: {
        code: `translate(code, 'z', 'y')`,
        title: `translate(title, 'aeiourdnt', 'eiouardtn')`,
      },
      columns: [
        { name: 'code', type: 'text', samples: ['a', 'b', 'c', 'd'], closed: ['update'] },
        { name: 'title', type: 'text', samples: ['Alpha', 'Beta', 'Delta', 'New'] },
        { name: 'open', type: 'bool', samples: ['false', 'false', 'true'] },
      ],
    },
    { name: 'notes', key: ['id'], grants: ['insert', 'update', 'delete'], disguise, columns: [id, ...others] },
    {
      name: 'pinned',
      key: ['id'],
      grants: ['insert', 'update'],
      parent: 'notes',
      disguise: { ...disguise, rank: 'rank + 1' },
      columns: [{ ...id, samples: ids(71, 99) }, ...others, { name: 'rank', type: 'int4', samples: ['1', '2', '3'] }],
    },
    {
      name: 'board',
      key: ['id', 'body', 'title'],
      grants: [],
      readOnly: true,
      viewSql: boardSql,
      disguise: {},
      columns: [
        { name: 'id', type: 'int4', samples: ids(1, 8) },
        { name: 'body', type: 'text', samples: ['Plan', 'Open'] },
        { name: 'title', type: 'text', samples: ['Alpha', 'Beta'] },
      ],
    },
  ],
  identities: Object.entries(spacesOf).map(([subject, spaces]) => ({
    name: `n${subject}`,
    subject,
    claims: { spaces },
  })),
  rules({ subject: me }) {
    const own = `'{${(spacesOf[me] ?? []).join(',')}}'::text[]`
    const sees = (r: string) => `(${r}.open or ${r}.code = any (${own}))`
    const secret = (r: string) =>
      `(${r}.author <> ${me} and (${r}.gone or coalesce(${r}.score, 0) >= 90 or left(${r}.space, 1) in ('y', 'z')))`
    return {
      spaces: {
        secret: (r) => `not ${sees(r)}`,
        select: sees,
        update: (r) => `${r}.code = any (${own})`,
        updated: (r) => `not ${r}.open`,
      },
      notes: {
        values: {
          id: ids(9, 60),
          author: [me],
          space: spacesOf[me]?.[0] === undefined ? ['a'] : (spacesOf[me] ?? []),
          gone: ['false'],
        },
        secret,
        select: (r) =>
          `not ${r}.gone and (${r}.author = ${me} or coalesce(${r}.score, 0) < 90
            and exists (select from app.spaces x where x.code = ${r}.space and ${sees('x')}))`,
        insert: (r) =>
          `${r}.author = ${me} and exists (select from app.spaces x where x.code = ${r}.space and ${sees('x')} and not x.open)`,
        update: (r) => `${r}.author = ${me} and not ${r}.gone`,
        updated: (r) => `${r}.author = ${me}`,
        delete: (r) => `${r}.author = ${me} and ${r}.score < 5`,
      },
      pinned: {
        values: { id: ids(75, 110), author: [me], gone: ['false'] },
        secret,
        select: (r) => `not ${r}.gone and ${r}.author = ${me}`,
        insert: (r) => `${r}.author = ${me}`,
        update: (r) => `${r}.author = ${me}`,
        updated: (r) => `${r}.author = ${me}`,
      },
    }
  },
}
