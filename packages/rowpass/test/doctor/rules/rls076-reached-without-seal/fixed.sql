-- expect: none
create schema rowpass;
create schema auth;
grant usage on schema rowpass, auth to authenticated, anonymous;
create function rowpass.claims() returns text language sql stable
  return case when current_setting('rowpass.seal', true) = 'valid' then current_setting('rowpass.claims', true) end;
create function rowpass.session() returns jsonb language sql stable return rowpass.claims()::jsonb;
create function auth.user_id() returns text language sql stable return rowpass.session() ->> 'sub';
revoke all on function rowpass.claims(), rowpass.session(), auth.user_id() from public;
grant execute on function rowpass.claims(), rowpass.session(), auth.user_id() to authenticated, anonymous;
create role doctor_app login noinherit;
grant authenticated, anonymous to doctor_app;
create table notes (id bigint generated always as identity primary key, owner text not null, team text not null);
create index on notes (owner);
create index on notes (team);
alter table notes enable row level security;
create policy notes_own on notes to authenticated using (owner = (select auth.user_id()));
grant select, insert (owner, team) on notes to authenticated;
create policy notes_team on notes for select to authenticated
  using (team = (select rowpass.session() ->> 'team'));
create table tasks (id bigint generated always as identity primary key, owner text not null);
create index on tasks (owner);
alter table tasks enable row level security;
create policy tasks_own on tasks to authenticated using (owner = (select auth.user_id()));
grant select on tasks to authenticated;
