-- expect: RLS018:public.files:files_read | RLS018:public.notes:notes_read
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated
  using ((select app.user_id()) is null or id = (select app.user_id()));
create table files (id uuid primary key, tenant text);
alter table files enable row level security;
create policy files_read on files for select to authenticated
  using (tenant = coalesce((select app.claims() ->> 'tenant'), 'default'));
create index on files (tenant);
grant select on notes, files to authenticated;
