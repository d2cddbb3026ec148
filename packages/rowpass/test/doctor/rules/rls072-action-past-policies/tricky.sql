-- expect: RLS072:public.files:files_folder_fkey
-- files may be deleted, and a restrictive policy keeps some. On pages the cascade does what a request may do anyway.
create table folders (id uuid primary key);
create table files (id uuid primary key, held boolean, folder uuid references folders on delete cascade);
alter table folders enable row level security;
create policy folders_read on folders for select to authenticated using (id = (select app.user_id()));
create policy folders_delete on folders for delete to authenticated using (id = (select app.user_id()));
grant select, delete on folders to authenticated;
alter table files enable row level security;
create policy files_read on files for select to authenticated using (id = (select app.user_id()));
grant select on files to authenticated;
create policy files_delete on files for delete to authenticated using (id = (select app.user_id()));
create policy files_held on files as restrictive for delete to authenticated using (not held);
grant delete on files to authenticated;
create table pages (id uuid primary key, folder uuid references folders on delete cascade);
alter table pages enable row level security;
create policy pages_read on pages for select to authenticated using (id = (select app.user_id()));
create policy pages_delete on pages for delete to authenticated using (id = (select app.user_id()));
grant select, delete on pages to authenticated;
