-- expect: RLS017:public.members:team | RLS041:public.files:files_add | RLS041:public.reports:reports_read
-- A key that no other row may have takes nothing from anybody: who adds a folder of their own may fill that one.
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
create table folders (id uuid primary key, owner uuid not null);
create index on folders (owner);
alter table folders enable row level security;
create policy folders_own on folders to authenticated using (owner = (select app.user_id()));
create table files (id uuid primary key, folder uuid not null, owner uuid not null);
create index on files (owner);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (owner = (select app.user_id()));
create policy files_add on files for insert to authenticated
  with check (
    owner = (select app.user_id())
    and folder = any (array(select f.id from folders f where f.owner = (select app.user_id())))
  );
grant select, insert on folders, files to authenticated;
-- A level that a trigger keeps.
create table staff (person uuid primary key, level text not null);
alter table staff enable row level security;
create policy staff_own on staff to authenticated using (person = (select app.user_id()));
create function app.keep_level() returns trigger language plpgsql as $$
begin if new.level <> old.level then raise exception 'no'; end if; return new; end $$;
create trigger keep_level before update on staff for each row execute function app.keep_level();
grant select, update on staff to authenticated;
create table reports (id uuid primary key);
alter table reports enable row level security;
create policy reports_read on reports for select to authenticated
  using ((select level from staff where person = (select app.user_id())) = 'chief');
grant select on reports to authenticated;
