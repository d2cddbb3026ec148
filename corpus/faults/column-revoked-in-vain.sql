-- fault: A column is revoked from a role that has the whole table.
-- shape: rooms
-- objects: data.cards, number
-- level: warning
-- rowpass: RLS066
-- requirements: 51
-- shown: true, fixed 42501

-- [both]
create table data.cards (person text primary key, name text not null, number text not null);
alter table data.cards enable row level security;
create policy own on data.cards for select to rooms_user using (person = (select data.me()));
insert into data.cards values ('ann', 'Ann', '4111');
-- [broken]
grant select on data.cards to rooms_user;
grant select (person, name) on data.cards to rooms_user;
revoke select (number) on data.cards from rooms_user;
-- [fixed]
grant select (person, name) on data.cards to rooms_user;

-- [proof]
-- as: ann
select number = '4111' as shown from data.cards;
