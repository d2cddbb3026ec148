-- expect: none
-- Two policies joined by OR, as they should be: one's own rows, and those that are published.
create table notes (id uuid primary key, published boolean);
alter table notes enable row level security;
create policy notes_own on notes for select to authenticated using (id = (select app.user_id()));
create policy notes_published on notes for select to authenticated using (published);
grant select on notes to authenticated;
