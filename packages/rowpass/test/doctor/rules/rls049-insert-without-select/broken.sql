-- expect: RLS049:public.notes:authenticated
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_add on notes for insert to authenticated with check (id = (select app.user_id()));
grant select, insert on notes to authenticated;
