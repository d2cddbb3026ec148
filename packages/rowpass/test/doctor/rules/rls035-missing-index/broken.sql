-- expect: RLS035:public.notes:owner_id
create table notes (id uuid primary key, owner_id uuid not null);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (owner_id = (select app.user_id()));
grant select on notes to authenticated;
