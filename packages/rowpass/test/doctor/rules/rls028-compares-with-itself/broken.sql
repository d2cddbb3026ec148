-- expect: RLS028:public.messages:messages_read | RLS041:public.messages:messages_read
create table guests (room uuid, person uuid, primary key (person, room));
alter table guests enable row level security;
create policy guests_read on guests for select to authenticated using (person = (select app.user_id()));
grant select on guests to authenticated;
create table messages (id uuid primary key, room uuid not null);
create index on messages (room);
alter table messages enable row level security;
create policy messages_read on messages for select to authenticated
  using (exists (select from guests g where g.room = room and g.person = (select app.user_id())));
grant select on messages to authenticated;
