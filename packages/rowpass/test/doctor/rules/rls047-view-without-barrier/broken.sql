-- expect: RLS044:public.mine | RLS047:public.mine
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create view mine as select * from notes where id = (select app.user_id());
grant select on mine to authenticated;
