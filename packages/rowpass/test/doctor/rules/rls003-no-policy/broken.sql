-- expect: RLS003:public.notes
create table notes (id uuid primary key);
alter table notes enable row level security;
grant select on notes to authenticated;
