-- expect: RLS058:public.messages:"Write, too"
create table notes (id uuid primary key, owner uuid not null);
create index on notes (owner);
alter table notes enable row level security;
create policy notes_own on notes to authenticated using (owner = (select app.user_id()));
grant select, insert (owner) on notes to authenticated;
create table messages (id uuid primary key default gen_random_uuid(), author uuid not null, recipient uuid);
create index on messages (author);
alter table messages enable row level security;
create policy messages_own on messages to authenticated using (author = (select app.user_id()));
grant select, insert (author) on messages to authenticated;
create rule "Write, too" as on insert to messages do also insert into notes (id, owner) values (new.id, new.recipient);
