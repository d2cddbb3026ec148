-- expect: none
create table messages (id uuid primary key, room uuid not null);
create index on messages (room);
alter table messages enable row level security;
create policy messages_read on messages for select to authenticated using (room = (select app.tenant_id()));
grant select on messages to authenticated;
