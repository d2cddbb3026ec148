-- expect: RLS076:doctor_job (info)
-- A setting beside the seal, one that a restrictive policy stands in front of, rows that are for everybody, and the setting of
-- a role that no request becomes; a login for a job alone reads without a seal.
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
  using (owner = (select auth.user_id()) and team = (select nullif(current_setting('app.team', true), '')));
create table tasks (id bigint generated always as identity primary key, owner text not null, kind text not null);
create index on tasks (owner);
create index on tasks (kind);
alter table tasks enable row level security;
create policy tasks_sealed on tasks as restrictive to authenticated using (owner = (select auth.user_id()));
create policy tasks_kind on tasks for select to authenticated
  using (kind = (select nullif(current_setting('app.kind', true), '')));
grant select on tasks to authenticated;
create role doctor_job login noinherit;
create policy notes_job on notes for select to doctor_job
  using (owner <> '' and team <> '');
grant select on notes to doctor_job;
