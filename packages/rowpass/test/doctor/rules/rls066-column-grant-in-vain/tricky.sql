-- expect: none
-- Two privileges, one by table and the other by column.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create policy notes_update on notes for update to authenticated using (id = (select app.user_id()));
grant update (owner) on notes to authenticated;
