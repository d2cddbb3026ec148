-- fault: A column that nobody may read is copied by a generated one that everybody may.
-- shape: rooms
-- objects: data.keys
-- level: warning
-- rowpass: RLS067
-- requirements: 51
-- shown: true, fixed 42703

-- [both]
create table data.keys (person text primary key, secret text not null);
alter table data.keys enable row level security;
create policy own on data.keys for select to rooms_user using (person = (select data.me()));
insert into data.keys values ('ann', 'swordfish');
-- [broken]
alter table data.keys add column hint text generated always as (left(secret, 9)) stored;
grant select (person, hint) on data.keys to rooms_user;
-- [fixed]
grant select (person) on data.keys to rooms_user;

-- [proof]
-- as: ann
select hint = 'swordfish' as shown from data.keys;
