-- expect: RLS037:public.notes:notes_read
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create function app.may_see(note uuid) returns boolean language plpgsql stable as $$
begin return note = app.user_id(); end $$;
create policy notes_read on notes for select to authenticated using (app.may_see(id));
