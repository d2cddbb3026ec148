-- shape: Projects with members. Claims are settings of the namespace app, read by a function in PL/pgSQL that another one calls.
-- owner: saas_owner
-- requests: saas_api
-- person ann: set local role saas_api; select set_config('app.user_id', 'a1000000-0000-4000-8000-000000000001', true);
-- person bob: set local role saas_api; select set_config('app.user_id', 'b1000000-0000-4000-8000-000000000001', true);
-- include: saas

set role saas_owner;
create schema ctx;
grant usage on schema ctx to saas_api;
create function ctx.claim(name text) returns text
  language plpgsql stable set search_path = ''
  as $$
begin
  return nullif(current_setting('app.' || name, true), '');
end
$$;
create function ctx.user_id() returns uuid
  language plpgsql stable set search_path = ''
  as $$
begin
  return ctx.claim('user_id')::uuid;
exception when invalid_text_representation then
  return null;
end
$$;
grant execute on function ctx.claim(text), ctx.user_id() to saas_api;

create table projects (
  id uuid primary key default gen_random_uuid(),
  name text not null
);
create table memberships (
  user_id uuid not null,
  project_id uuid not null references projects (id),
  role text not null default 'member',
  primary key (user_id, project_id)
);
create index memberships_of_project on memberships (project_id);
create table tasks (
  id uuid primary key default gen_random_uuid(),
  project_id uuid not null references projects (id),
  title text not null,
  done boolean not null default false
);
create index tasks_of_project on tasks (project_id);

alter table memberships enable row level security;
alter table memberships force row level security;
create policy memberships_read on memberships for select to saas_api
  using (user_id = (select ctx.user_id()));

alter table projects enable row level security;
alter table projects force row level security;
create policy projects_read on projects for select to saas_api
  using (id = any (array(select m.project_id from memberships m where m.user_id = (select ctx.user_id()))));

alter table tasks enable row level security;
alter table tasks force row level security;
create policy tasks_read on tasks for select to saas_api
  using (project_id = any (array(select m.project_id from memberships m where m.user_id = (select ctx.user_id()))));
create policy tasks_add on tasks for insert to saas_api
  with check (project_id = any (array(select m.project_id from memberships m where m.user_id = (select ctx.user_id()))));
create policy tasks_change on tasks for update to saas_api
  using (project_id = any (array(select m.project_id from memberships m where m.user_id = (select ctx.user_id()))))
  with check (project_id = any (array(select m.project_id from memberships m where m.user_id = (select ctx.user_id()))));
create policy tasks_remove on tasks for delete to saas_api
  using (project_id = any (array(select m.project_id from memberships m where m.user_id = (select ctx.user_id()))));

grant select on projects, memberships to saas_api;
grant select, insert, update, delete on tasks to saas_api;
reset role;

insert into projects (id, name) values
  ('ab000000-0000-4000-8000-000000000001', 'Bridge'),
  ('bb000000-0000-4000-8000-000000000001', 'Tunnel');
insert into memberships (user_id, project_id, role) values
  ('a1000000-0000-4000-8000-000000000001', 'ab000000-0000-4000-8000-000000000001', 'admin'),
  ('a2000000-0000-4000-8000-000000000002', 'ab000000-0000-4000-8000-000000000001', 'member'),
  ('b1000000-0000-4000-8000-000000000001', 'bb000000-0000-4000-8000-000000000001', 'admin');
insert into tasks (id, project_id, title) values
  ('ad000000-0000-4000-8000-000000000001', 'ab000000-0000-4000-8000-000000000001', 'Survey'),
  ('bd000000-0000-4000-8000-000000000001', 'bb000000-0000-4000-8000-000000000001', 'Drill');

-- [works]
-- as: ann
insert into tasks (project_id, title) values ('ab000000-0000-4000-8000-000000000001', 'Paint');
update tasks set done = true where title = 'Paint';
select count(*) = 1 as works from tasks where title = 'Paint' and done;
