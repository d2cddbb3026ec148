-- expect: RLS017:public.members:team
-- Nobody may change a membership. But everybody may add one of their own, to any team, and a function hides the look-up.
create table members (person uuid, team uuid, primary key (person, team));
create index on members (team);
alter table members enable row level security;
create policy members_read on members for select to authenticated using (person = (select app.user_id()));
create policy members_join on members for insert to authenticated with check (person = (select app.user_id()));
grant select, insert on members to authenticated;
create function app.my_teams() returns uuid[] language sql stable
  begin atomic
    select array(select team from public.members where person = app.user_id());
  end;
create table notes (team uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (team = any ((select app.my_teams())::uuid[]));
grant select on notes to authenticated;
