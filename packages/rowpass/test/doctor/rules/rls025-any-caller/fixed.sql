-- expect: none
create table notes (id bigint generated always as identity primary key, org integer not null);
create index on notes (org);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (org = (select (app.claims() ->> 'org')::integer));
grant select on notes to authenticated;
create table files (id bigint generated always as identity primary key, org integer not null);
create index on files (org);
alter table files enable row level security;
create policy files_read on files for select to authenticated
  using ((select app.user_id()) is not null and org = (select (app.claims() ->> 'org')::integer));
grant select on files to authenticated;
