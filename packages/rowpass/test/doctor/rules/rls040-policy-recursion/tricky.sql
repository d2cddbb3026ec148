-- expect: RLS032:public.members:members_read | RLS040:public.members
-- files: an INSERT looks into the table itself, whose policy for SELECT does not: no cycle. members: a table that looks
-- into itself, through a function that is not SECURITY DEFINER.
create table files (id uuid primary key, folder uuid);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (id = (select app.user_id()));
create policy files_add on files for insert to authenticated
  with check (id = (select app.user_id()) and folder = any (array(select f.id from files f)));
grant select, insert on files to authenticated;
create table members (team uuid, person uuid, primary key (team, person));
alter table members enable row level security;
create function app.is_in(a_team uuid) returns boolean language sql stable
  as 'select exists (select from public.members where team = a_team and person = app.user_id())';
create policy members_read on members for select to authenticated
  using (exists (select from pg_catalog.pg_class c where app.is_in(members.team)));
grant select on members to authenticated;
