-- expect: RLS042:public.boards:boards_read | RLS042:public.notes:notes_read | RLS042:public.teams:teams_read
create table notes (id uuid primary key);
alter table notes enable row level security;
create function app.me() returns uuid language sql stable return app.user_id();
revoke execute on function app.me() from public;
create policy notes_read on notes for select to authenticated using (id = (select app.me()));
grant select on notes to authenticated;
-- What a function of the policy uses: as the caller, and as the owner of the one that is SECURITY DEFINER.
create role doctor_reader;
create table members (team bigint, person uuid, primary key (person, team));
create function app.my_teams() returns bigint[] language sql stable
  begin atomic
    select array(select team from public.members where person = app.user_id());
  end;
create function app.secret() returns bigint language plpgsql stable as $$ begin return 1; end $$;
revoke execute on function app.secret() from public;
create function app.first_team() returns bigint language sql stable security definer set search_path = pg_catalog, pg_temp
  as 'select app.secret() where app.user_id() is not null';
revoke execute on function app.first_team() from public;
grant execute on function app.first_team() to authenticated;
grant usage, create on schema app to doctor_reader;
alter function app.first_team() owner to doctor_reader;
revoke create on schema app from doctor_reader;
create table teams (id bigint primary key);
alter table teams enable row level security;
create policy teams_read on teams for select to authenticated using (id = any ((select app.my_teams())::bigint[]));
grant select on teams to authenticated;
create table boards (id bigint primary key);
alter table boards enable row level security;
create policy boards_read on boards for select to authenticated using (id = (select app.first_team()));
grant select on boards to authenticated;
