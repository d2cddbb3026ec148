-- expect: RLS060:public.notes
-- REFERENCES on one column alone, to PUBLIC. The owner has all of them, and must.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
grant references (id) on notes to public;
grant all on notes to current_user;
