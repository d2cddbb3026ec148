-- expect: RLS040:public.a | RLS041:public.a:a_read | RLS041:public.b:b_read
create table a (id uuid primary key);
create table b (id uuid primary key);
alter table a enable row level security;
alter table b enable row level security;
create policy a_read on a for select to authenticated using (id = any (array(select b.id from b where b.id = app.user_id())));
create policy b_read on b for select to authenticated using (id = any (array(select a.id from a where a.id = app.user_id())));
grant select on a, b to authenticated;
