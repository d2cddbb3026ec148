-- expect: RLS045:public.counts
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create materialized view counts as select count(*) from notes;
grant select on counts to authenticated;
