-- expect: none
create table notes (team uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (team = (select app.tenant_id()));
grant select on notes to authenticated;
