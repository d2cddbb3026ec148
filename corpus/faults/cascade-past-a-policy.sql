-- fault: ON DELETE CASCADE removes rows that a restrictive policy protects: referential actions ask no policy.
-- shape: projects
-- objects: public.time_entries, time_entries_task_id_fkey
-- level: error
-- rowpass: RLS072
-- requirements: 57
-- shown: true, fixed 23503

-- [both]
create table time_entries (
  id uuid primary key default gen_random_uuid(),
-- [broken]
  task_id uuid not null references tasks (id) on delete cascade,
-- [fixed]
  task_id uuid not null references tasks (id),
-- [both]
  user_id uuid not null,
  minutes int not null,
  invoiced boolean not null default false
);
create index time_entries_of_task on time_entries (task_id);
create index time_entries_of_user on time_entries (user_id);
alter table time_entries enable row level security;
alter table time_entries force row level security;
create policy time_entries_own on time_entries for all to saas_api
  using (user_id = (select ctx.user_id()))
  with check (
    user_id = (select ctx.user_id())
    and task_id = any (array(select t.id from tasks t))
  );
create policy time_entries_keep on time_entries as restrictive for delete to saas_api
  using (not invoiced);
grant select, insert, update, delete on time_entries to saas_api;
-- [both]
reset role;
insert into time_entries (task_id, user_id, minutes, invoiced)
  values ('ad000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000002', 90, true);

-- [proof]
-- as: ann
delete from tasks where id = 'ad000000-0000-4000-8000-000000000001';
reset role;
select count(*) = 0 as shown from time_entries where invoiced;
