-- expect: RLS017:public.people:role | RLS041:public.notes:notes_read
create table people (id uuid primary key default gen_random_uuid(), role text not null, name text);
alter table people enable row level security;
create policy people_read on people for select to authenticated using (id = (select app.user_id()));
create policy people_update on people for update to authenticated using (id = (select app.user_id()));
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated
  using (exists (select from people where people.id = (select app.user_id()) and people.role = 'admin'));
grant select on notes, people to authenticated;
grant update on people to authenticated;
