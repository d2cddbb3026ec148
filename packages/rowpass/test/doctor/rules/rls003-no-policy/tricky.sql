-- expect: RLS003:public.notes
-- There is a policy, and it only narrows.
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_own on notes as restrictive to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
