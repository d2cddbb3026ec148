-- expect: RLS044:public.all_notes
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create view all_notes as select * from notes;
grant select on all_notes to authenticated;
