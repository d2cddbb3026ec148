-- Notes of the people of a tenant. The API sets app.tenant_id and app.user_id; policies read them directly.
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

-- For the people who close accounts; they have a login of their own.
reset role;
create role saas_closer nologin;
create function purge_tenant(which uuid) returns bigint
  language sql security definer set search_path = ''
  as $$
    with gone as (delete from public.notes n where n.tenant_id = which returning 1)
    select count(*) from gone
  $$;
grant execute on function purge_tenant(uuid) to saas_closer;
set role saas_owner;
