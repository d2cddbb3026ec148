-- expect: RLS011:public.notes:notes_all
-- Says "id is not null", which a primary key always is.
create table notes (id uuid primary key default gen_random_uuid(), body text);
alter table notes enable row level security;
create policy notes_all on notes to authenticated using (id is not null);
grant select on notes to authenticated;
