-- expect: RLS016:public.notes:notes_read
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated
  using ((select app.claims() -> 'user_metadata' ->> 'role') = 'admin');
grant select on notes to authenticated;
