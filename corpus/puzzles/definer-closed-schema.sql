-- as: {"me": 5}
-- ask: select * from app.docs
-- happens: 42501
-- reasons: policy_fails
-- says: app.may_read(integer), runs as puzzle_owner, no USAGE on schema vault
-- advice: grant usage on schema vault to puzzle_owner;
create schema app; create schema vault; grant usage on schema app to puzzle_user;
create table vault.rights (doc int, person int); grant select on vault.rights to puzzle_owner;
create table app.docs (id int primary key); insert into app.docs values (1);
create function app.may_read(doc int) returns boolean language plpgsql stable security definer set search_path = '' as
  $$ begin return exists (select from vault.rights r where r.doc = $1); end $$;
alter function app.may_read(int) owner to puzzle_owner;
alter table app.docs enable row level security;
create policy readers on app.docs to puzzle_user using (app.may_read(id));
grant select on app.docs to puzzle_user;
