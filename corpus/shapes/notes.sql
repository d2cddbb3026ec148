-- shape: Notes of the people of a tenant. The API sets app.tenant_id and app.user_id; policies read them directly.
-- owner: saas_owner
-- requests: saas_api
-- person ann: set local role saas_api; select set_config('app.tenant_id', 'a0000000-0000-4000-8000-00000000000a', true), set_config('app.user_id', 'a1000000-0000-4000-8000-000000000001', true);
-- person bob: set local role saas_api; select set_config('app.tenant_id', 'b0000000-0000-4000-8000-00000000000b', true), set_config('app.user_id', 'b1000000-0000-4000-8000-000000000001', true);
-- include: saas

set role saas_owner;
create table tenants (
  id uuid primary key default gen_random_uuid(),
  name text not null
);
create table notes (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null references tenants (id),
  author_id uuid not null,
  title text not null,
  body text not null default '',
  shared boolean not null default false,
  created_at timestamptz not null default now()
);
create index notes_of_author on notes (tenant_id, author_id, created_at);

alter table tenants enable row level security;
alter table tenants force row level security;
create policy tenants_read on tenants for select to saas_api
  using (id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

alter table notes enable row level security;
alter table notes force row level security;
create policy notes_read on notes for select to saas_api
  using (
    tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    and (shared or author_id = (select nullif(current_setting('app.user_id', true), '')::uuid))
  );
create policy notes_add on notes for insert to saas_api
  with check (
    tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    and author_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
  );
create policy notes_change on notes for update to saas_api
  using (
    tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    and author_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
  )
  with check (
    tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    and author_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
  );
create policy notes_remove on notes for delete to saas_api
  using (
    tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid)
    and author_id = (select nullif(current_setting('app.user_id', true), '')::uuid)
  );

grant select on tenants to saas_api;
grant select, insert, update, delete on notes to saas_api;
reset role;

insert into tenants (id, name) values ('a0000000-0000-4000-8000-00000000000a', 'Alder'), ('b0000000-0000-4000-8000-00000000000b', 'Birch');
insert into notes (id, tenant_id, author_id, title, shared) values
  ('a5000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-00000000000a', 'a1000000-0000-4000-8000-000000000001', 'Shopping', false),
  ('a5000000-0000-4000-8000-000000000002', 'a0000000-0000-4000-8000-00000000000a', 'a2000000-0000-4000-8000-000000000002', 'Canteen', true),
  ('b5000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-00000000000b', 'b1000000-0000-4000-8000-000000000001', 'Salaries', false),
  ('b5000000-0000-4000-8000-000000000002', 'b0000000-0000-4000-8000-00000000000b', 'b1000000-0000-4000-8000-000000000001', 'Holidays', true);

-- [works]
-- as: ann
insert into notes (tenant_id, author_id, title) values ('a0000000-0000-4000-8000-00000000000a', 'a1000000-0000-4000-8000-000000000001', 'Mine');
update notes set body = 'Milk' where title = 'Shopping';
select count(*) = 2 as works from notes where author_id = 'a1000000-0000-4000-8000-000000000001';
