-- expect: none
create table notes (id bigserial primary key, owner uuid not null);
create index on notes (owner);
alter table notes enable row level security;
create policy notes_own on notes to authenticated using (owner = (select app.user_id()));
grant select, insert (owner) on notes to authenticated;
grant usage on sequence notes_id_seq to authenticated;
