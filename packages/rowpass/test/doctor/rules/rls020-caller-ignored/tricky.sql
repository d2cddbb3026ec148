-- expect: RLS049:public.queue:anonymous
-- Nobody may delete; and a queue into which everybody may put a new entry that nobody but its reader sees.
create table notes (id uuid primary key, draft boolean);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
create policy notes_delete on notes for delete to authenticated using (false);
grant select, delete on notes to authenticated;
create table queue (id bigint generated always as identity primary key, state text);
alter table queue enable row level security;
create policy queue_add on queue for insert to anonymous with check (state = 'new');
grant insert (state) on queue to anonymous;
