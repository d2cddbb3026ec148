-- expect: RLS002:public.notes
create table notes (id uuid primary key);
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
