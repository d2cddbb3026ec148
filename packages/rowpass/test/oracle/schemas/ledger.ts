/**
 * Integer owners, composite keys, partitions, a domain, a column that nobody may read, policies for each command, one that
 * restricts, rows that may be changed and not be seen, and a view that asks as its caller.
 */
import { protect, type Schema } from '../schema.ts'

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, n) => String(from + n))

export const ledger: Schema = {
  name: 'ledger',
  sql: `
    create domain cents as int check (value >= -1000);
    create table accounts (
      region text not null, no int not null, level int not null default 1, balance cents not null default 0,
      pin text default 'none', holder bigint not null, primary key (region, no)
    ) partition by list (region);
    create table accounts_eu partition of accounts for values in ('eu');
    create table accounts_rest partition of accounts default;
    alter table accounts_eu enable row level security; alter table accounts_rest enable row level security;
    create table postings (
      id bigint primary key, region text not null, no int not null, amount int not null check (amount <> 13),
      valid tstzrange, marks int[] not null default '{}', clerk bigint not null
    );
    insert into accounts values ('eu', 1, 1, 100, 'a', 1), ('eu', 2, 3, 200, 'b', 1), ('us', 1, 1, 300, 'c', 1),
      ('us', 2, 2, 400, 'd', 2), ('eu', 3, 1, -5, 'e', 2), ('xx', 1, 1, 0, 'f', 3), ('xx', 2, 9, 7, 'g', 3);
    insert into postings values (1, 'eu', 1, 5, null, '{1}', 1), (2, 'eu', 1, -5, 'empty', '{}', 1), (3, 'us', 2, 9, null, '{2,3}', 2),
      (4, 'xx', 1, 1, null, '{1,3}', 3), (5, 'eu', 2, 50, null, '{7}', 2), (6, 'us', 1, 2, null, '{1,2}', 1);
    ${protect('accounts', 'select (region, no, level, balance, holder), insert, update (level, balance, pin, holder), delete')}
    ${protect('postings', 'select, insert, update, delete')}
    create policy read on accounts for select to authenticated using (holder = (select auth.claim_int('sub')) or level >= 3 and holder < 100);
    create policy open on accounts for insert to authenticated with check (holder = auth.claim_int('sub') and level = 1);
    create policy change on accounts for update to authenticated
      using (holder = (select auth.claim_int('sub'))) with check (level <= 3);
    create policy close on accounts for delete to authenticated using (holder = (select auth.claim_int('sub')) and balance = 0);
    create policy sane on accounts as restrictive to authenticated using (level < 9);
    create policy read on postings for select to authenticated using (clerk = (select auth.claim_int('sub')) and amount <> 50);
    create policy own on postings for update to authenticated using (clerk = (select auth.claim_int('sub')));
    create policy drop on postings for delete to authenticated
      using (exists (select from accounts a where a.region = postings.region and a.no = postings.no and a.holder = auth.claim_int('sub')));
    create policy write on postings for insert to authenticated with check (clerk = (select auth.claim_int('sub')) and amount < 100);
    create view balances with (security_invoker) as
      select a.region, a.no, a.balance, p.amount from accounts a left join postings p on p.region = a.region and p.no = a.no;
    grant select on balances to authenticated;`,
  hidden: `
    insert into accounts select (array['eu', 'us', 'xx'])[1 + n % 3], 1000000 + n, 90 + n % 4, n * 10, 'pin' || n, 9000 + n
      from generate_series(1, 8) n;
    insert into postings select 1000000 + n, 'eu', 77, 20 + n, tstzrange(null, null), '{1,2}', 9000 + n % 7
      from generate_series(1, 12) n;
    insert into postings select 1000100 + n, 'us', 40 + n, 30 + n, null, '{3}', 1 + n % 3 from generate_series(1, 6) n;`,
  tables: [
    {
      name: 'accounts',
      key: ['region', 'no'],
      grants: ['insert', 'update', 'delete'],
      disguise: {
        no: 'case when no >= 1000000 then no + 5000 else no end',
        level: 'case when level < 3 then 3 - level else level + 1 end',
        balance: 'balance + 1',
        pin: `translate(pin, 'abcdefg123456789', 'bcdefga234567891')`,
        holder: 'case when holder > 100 then holder + 1000 else holder end',
      },
      columns: [
        { name: 'region', type: 'text', samples: ['eu', 'us', 'xx', 'zz'], closed: ['update'] },
        { name: 'no', type: 'int4', samples: numbers(1, 30), closed: ['update'] },
        { name: 'level', type: 'int4', samples: ['1', '1', '2', '3', '9'] },
        { name: 'balance', type: 'cents', samples: ['0', '100', '200', '-5'] },
        { name: 'pin', type: 'text', samples: ['a', 'b'], closed: ['select'] },
        { name: 'holder', type: 'int8', samples: ['1', '1', '2', '3'] },
      ],
    },
    {
      name: 'postings',
      key: ['id'],
      grants: ['insert', 'update', 'delete'],
      disguise: {
        id: 'case when id >= 1000000 then id + 5000 else id end',
        no: 'no + 1',
        amount: 'amount + 1',
        marks: `translate(marks::text, '1234567', '2345671')::int[]`,
        clerk: 'case when clerk > 100 then clerk + 1000 else clerk end',
      },
      columns: [
        { name: 'id', type: 'int8', samples: numbers(1, 40) },
        { name: 'region', type: 'text', samples: ['eu', 'us', 'xx'] },
        { name: 'no', type: 'int4', samples: numbers(1, 4) },
        { name: 'amount', type: 'int4', samples: ['1', '2', '5', '13', '50', '120'] },
        { name: 'marks', type: '_int4', samples: ['{}', '{1}', '{1,2}', '{7}'] },
        { name: 'clerk', type: 'int8', samples: ['1', '1', '2', '3'] },
      ],
    },
    {
      name: 'balances',
      key: ['region', 'no', 'balance', 'amount'],
      grants: [],
      readOnly: true,
      viewSql:
        'select a.region, a.no, a.balance, p.amount from accounts a left join postings p on p.region = a.region and p.no = a.no',
      disguise: {},
      columns: [
        { name: 'region', type: 'text', samples: ['eu', 'us'] },
        { name: 'no', type: 'int4', samples: numbers(1, 4) },
        { name: 'balance', type: 'cents', samples: ['0', '100'] },
        { name: 'amount', type: 'int4', samples: ['5', '-5'] },
      ],
    },
  ],
  identities: ['1', '2', '3', '4'].map((subject) => ({ name: `h${subject}`, subject, claims: {} })),
  rules: ({ subject }) => ({
    accounts: {
      values: { level: ['1'], holder: [subject] },
      secret: (r) => `(${r}.holder <> ${subject} and (${r}.level not between 3 and 8 or ${r}.holder >= 100))`,
      select: (r) =>
        `${r}.level < 9 and (${r}.holder = ${subject} or ${r}.level in (3, 4, 5, 6, 7, 8) and ${r}.holder < 100)`,
      insert: (r) => `${r}.level = 1 and ${r}.holder = ${subject}`,
      update: (r) => `${r}.holder = ${subject} and ${r}.level < 9`,
      updated: (r) => `${r}.level <= 3`,
      delete: (r) => `${r}.balance = 0 and ${r}.level < 9 and ${r}.holder = ${subject}`,
    },
    postings: {
      values: { clerk: [subject], amount: ['1', '2', '5', '50'], id: numbers(7, 60) },
      secret: (r) => `(${r}.clerk <> ${subject} and ${r}.no > 30)`,
      select: (r) => `${r}.clerk = ${subject} and not ${r}.amount = 50`,
      insert: (r) => `${r}.clerk = ${subject} and ${r}.amount < 100`,
      update: (r) => `${r}.clerk = ${subject}`,
      updated: (r) => `${r}.clerk = ${subject}`,
      delete: (r) =>
        `exists (select from app.accounts x where (x.region, x.no) = (${r}.region, ${r}.no) and x.holder = ${subject} and x.level < 9)`,
    },
  }),
}
