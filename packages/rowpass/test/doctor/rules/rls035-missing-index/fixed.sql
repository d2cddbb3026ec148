-- expect: none
create table notes (id uuid primary key, owner_id uuid not null);
create index on notes (owner_id, id);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (owner_id = (select app.user_id()));
grant select on notes to authenticated;
