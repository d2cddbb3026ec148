-- expect: none
create table notes (id uuid primary key, draft boolean);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
create policy notes_delete on notes for delete to authenticated using (draft and id = (select app.user_id()));
grant select, delete on notes to authenticated;
