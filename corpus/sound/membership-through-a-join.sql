-- sound: A policy looks a membership up through a join of two tables, once.
-- shape: projects
-- shown: false

-- [both]
create table stages (id uuid primary key default gen_random_uuid(), task_id uuid not null references tasks, name text not null);
create index on stages (task_id);
alter table stages enable row level security;
alter table stages force row level security;
create policy stages_read on stages for select to saas_api
  using (task_id = any (array(select t.id from tasks t join memberships m using (project_id) where m.user_id = (select ctx.user_id()))));
grant select on stages to saas_api;
reset role;
insert into stages (task_id, name) values ('bd000000-0000-4000-8000-000000000001', 'secret');

-- [proof]
-- as: ann
select count(*) > 0 as shown from stages;
