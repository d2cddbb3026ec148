-- expect: none
create table notes (id uuid primary key, owner uuid not null);
create index on notes (owner);
alter table notes enable row level security;
create policy notes_own on notes to authenticated using (owner = (select app.user_id()));
grant select, insert (owner) on notes to authenticated;
