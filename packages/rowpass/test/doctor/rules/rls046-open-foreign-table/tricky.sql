-- expect: RLS046:public.remote
-- Only some commands, only to PUBLIC.
create foreign data wrapper doctor_wrapper;
create server doctor_server foreign data wrapper doctor_wrapper;
create foreign table remote (id uuid) server doctor_server;
grant delete on remote to public;
create table plain (id uuid primary key);
alter table plain enable row level security;
create policy plain_read on plain for select to authenticated using (id = (select app.user_id()));
grant select on plain to authenticated;
