-- expect: RLS019:public.files:files_read | RLS019:public.notes:notes_read | RLS030:public.files:files_read
-- "true" makes a missing setting NULL, and an empty one is still no uuid. And one that is hidden in a function.
create table notes (id uuid primary key);
alter table notes enable row level security;
create function app.me() returns uuid language plpgsql stable as $$
begin return current_setting('app.user', true)::uuid; end $$;
create policy notes_read on notes for select to authenticated using (id = (select app.me()));
create table files (id uuid primary key);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (id = current_setting('app.user', true)::uuid);
create table plain (id text primary key);
alter table plain enable row level security;
create policy plain_read on plain for select to authenticated using (id = (select current_setting('app.user', true)));
grant select on notes, files, plain to authenticated;
