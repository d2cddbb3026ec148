-- expect: none
-- A function of the column that asks nobody, and that PostgreSQL writes into the query.
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create function app.is_shown(hidden boolean) returns boolean language sql immutable return not hidden;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()) and app.is_shown(hidden));
