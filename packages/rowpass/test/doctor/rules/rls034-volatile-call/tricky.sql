-- expect: none
-- VOLATILE, and wrapped: it is called once a statement like any other.
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create function app.me() returns uuid language sql return app.user_id();
create policy notes_read on notes for select to authenticated using (id = (select app.me()));
