-- expect: RLS044:public.mine | RLS044:public.everything
-- It has a barrier. And one that asks nobody needs none: it has a greater fault.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create view mine with (security_barrier) as select * from notes where id = (select app.user_id());
create view everything as select * from notes where owner <> 'app.user_id()';
grant select on mine, everything to authenticated;
