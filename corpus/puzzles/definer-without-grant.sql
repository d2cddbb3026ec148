-- as: {"me": 5}
-- ask: select * from app.docs
-- happens: 42501
-- reasons: policy_fails
-- says: readers of app.docs, inside app.may_read(integer), runs as puzzle_owner, no SELECT on table vault.rights
-- advice: grant select on vault.rights to puzzle_owner;
create schema app; create schema vault; grant usage on schema app to puzzle_user; grant usage on schema vault to puzzle_owner;
create table vault.rights (doc int, person int);
create table app.docs (id int primary key); insert into app.docs values (1);
create function app.may_read(doc int) returns boolean language sql stable security definer set search_path = '' as
  $$ select exists (select from vault.rights r where r.doc = $1) $$;
alter function app.may_read(int) owner to puzzle_owner;
alter table app.docs enable row level security;
create policy readers on app.docs to puzzle_user using (app.may_read(id));
grant select on app.docs to puzzle_user;
