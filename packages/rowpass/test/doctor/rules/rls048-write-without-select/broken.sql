-- expect: RLS048:public.notes:authenticated
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_delete on notes for delete to authenticated using (id = (select app.user_id()));
grant select, delete on notes to authenticated;
