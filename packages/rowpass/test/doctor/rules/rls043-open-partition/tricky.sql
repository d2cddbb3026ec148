-- expect: RLS043:public.old_notes
-- Inheritance without partitions, two levels down, by a grant on one column to PUBLIC.
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create table some_notes () inherits (notes);
create table old_notes () inherits (some_notes);
grant select (id) on old_notes to public;
