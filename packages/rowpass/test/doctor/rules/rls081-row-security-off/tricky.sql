-- expect: RLS081:all
-- For a role that is past policies it is what keeps dumps whole. For everybody in this database it is not.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create role doctor_dump login bypassrls;
alter role doctor_dump set row_security = off;
do $$ begin execute format('alter database %I set row_security = off', current_database()); end $$;
