-- expect: RLS025:public.files:files_read | RLS025:public.folders:folders_all | RLS012:public.tags:tags_read (warning)
create table notes (id bigint generated always as identity primary key, org integer not null);
create index on notes (org);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (org = (select (app.claims() ->> 'org')::integer));
grant select on notes to authenticated;
create table files (id bigint generated always as identity primary key, org integer not null);
alter table files enable row level security;
create policy files_read on files for select to authenticated using ((select app.user_id()) is not null);
grant select on files to authenticated;
create table folders (id bigint generated always as identity primary key, org integer not null);
alter table folders enable row level security;
create policy folders_all on folders to authenticated using ((select app.claims() ->> 'role') = 'authenticated');
grant select on folders to authenticated;
create table tags (id bigint generated always as identity primary key, org integer not null);
alter table tags enable row level security;
create policy tags_read on tags for select to authenticated using (true);
grant select on tags to authenticated;
