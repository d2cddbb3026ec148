-- expect: RLS036:public.notes:public.notes_kind_idx
-- A B-tree for LIKE: its order is leakproof, LIKE itself is not. The same on a table without policies is used.
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
create index on notes (kind text_pattern_ops);
create table internal (kind text);
create index on internal (kind text_pattern_ops);
