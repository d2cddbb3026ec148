-- expect: none
create table notes (id uuid primary key, owner_id uuid not null, body text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
