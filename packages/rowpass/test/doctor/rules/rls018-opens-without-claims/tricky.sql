-- expect: RLS018:public.blocked:blocked_read | RLS037:public.boards:boards_change | RLS037:public.boards:boards_read | RLS037:public.boards:boards_remove | RLS041:public.boards:boards_change | RLS041:public.boards:boards_read | RLS041:public.boards:boards_remove
-- notes: "is not null" and a list of published rows, which is meant for all, show nothing of one's own to nobody.
-- orders: a member of an empty object is NULL. files: <> with NULL is NULL, and shows nothing. blocked: IS DISTINCT FROM with NULL is true for each row.
create table notes (id uuid primary key, published boolean);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated
  using (published or ((select app.user_id()) is not null and id = (select app.user_id())));
create table files (id uuid primary key, blocked uuid);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (blocked <> (select app.user_id()));
create table blocked (id uuid primary key, blocked uuid);
alter table blocked enable row level security;
create policy blocked_read on blocked for select to authenticated using (blocked is distinct from (select app.user_id()));
grant select on notes, files, blocked to authenticated;
create function app.jwt() returns jsonb language sql stable
  return coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb;
create table orders (id uuid primary key);
alter table orders enable row level security;
create policy orders_read on orders for select to authenticated using (id = (select (app.jwt() ->> 'sub')::uuid));
grant select on orders to authenticated;
-- What is false without claims stays so: compared with true, in a CASE, as text.
create table members (team uuid, person uuid, primary key (team, person));
create index on members (person);
alter table members enable row level security;
create policy members_own on members for select to authenticated using (person = (select app.user_id()));
grant select on members to authenticated;
create function app.in_team(wanted uuid) returns boolean language sql stable
  return coalesce((select true from members where team = wanted and person = (select app.user_id())), false);
create function app.is_member(wanted uuid) returns boolean language sql stable
  return exists (select from members where team = wanted and person = (select app.user_id()));
create table boards (id uuid primary key, team uuid);
create index on boards (team);
alter table boards enable row level security;
create policy boards_read on boards for select to authenticated
  using (team = any (array(select team from members where person = (select app.user_id()))) and app.is_member(team) = true);
create policy boards_change on boards for update to authenticated
  using (team = any (array(select team from members where person = (select app.user_id()))) and app.in_team(team) <> false);
create policy boards_remove on boards for delete to authenticated
  using (team = any (array(select team from members where person = (select app.user_id())))
    and case when app.is_member(team) then true else false end);
grant select, update, delete on boards to authenticated;
