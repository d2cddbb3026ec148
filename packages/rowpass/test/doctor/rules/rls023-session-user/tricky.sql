-- expect: none
-- A text that says session_user, and a column of that name.
create table notes (id name primary key, "session_user" name);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated
  using (id = (select current_user) and notes."session_user" <> 'session_user');
grant select on notes to authenticated;
