-- expect: RLS036:public.notes:public.notes_tags_idx
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
create index on notes using gin (tags);
