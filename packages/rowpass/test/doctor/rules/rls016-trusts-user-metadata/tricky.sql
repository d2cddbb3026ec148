-- expect: RLS016:public.notes:notes_read
-- The policy has a good name for it; the function two calls away reads a path. A column of that name is no claim.
create function app.profile_role() returns text language sql stable return app.claims() #>> '{user_metadata,role}';
create function app.is_admin() returns boolean language plpgsql stable as $$
declare result boolean;
begin
  result := app.profile_role() = 'admin';
  return result;
end $$;
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using ((select app.is_admin()));
grant select on notes to authenticated;
create table files (id uuid primary key, user_metadata text);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (id = (select app.user_id()) and user_metadata <> '');
grant select on files to authenticated;
