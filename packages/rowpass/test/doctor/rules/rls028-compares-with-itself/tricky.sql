-- expect: RLS041:public.messages:messages_read
-- Two tables of one sub-select have a column of one name, and so has the policy's own.
create table guests (room uuid, person uuid, primary key (person, room));
create table rooms (room uuid primary key);
alter table guests enable row level security;
alter table rooms enable row level security;
create policy guests_read on guests for select to authenticated using (person = (select app.user_id()));
create policy rooms_read on rooms for select to authenticated using (room = (select app.tenant_id()));
grant select on guests, rooms to authenticated;
create table messages (id uuid primary key, room uuid not null);
create index on messages (room);
alter table messages enable row level security;
create policy messages_read on messages for select to authenticated
  using (room in (select r.room from guests g join rooms r on g.room = r.room where g.person = (select app.user_id())));
grant select on messages to authenticated;
