-- expect: none
create table folders (id uuid primary key);
create table files (id uuid primary key, folder uuid references folders on delete restrict);
alter table folders enable row level security;
create policy folders_read on folders for select to authenticated using (id = (select app.user_id()));
create policy folders_delete on folders for delete to authenticated using (id = (select app.user_id()));
grant select, delete on folders to authenticated;
alter table files enable row level security;
create policy files_read on files for select to authenticated using (id = (select app.user_id()));
grant select on files to authenticated;
