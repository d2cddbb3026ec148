-- expect: RLS031:public.notes:notes_read | RLS033:public.notes:notes_read
-- The demo's form: a claim of a document, compared with a cast of the column, all of it inside. One fix heals both.
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create policy notes_read on notes for select to authenticated using ((select (app.claims() ->> 'sub') = id::text) and not hidden);
