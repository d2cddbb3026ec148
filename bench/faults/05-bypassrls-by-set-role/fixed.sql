-- A help desk. The claims are one JSON text, request.jwt.claims, parsed by one function and read by two others.
create schema app;
grant usage on schema app to saas_api;
create function app.jwt() returns jsonb
  language plpgsql stable set search_path = ''
  as $$
begin
  return coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb;
exception when invalid_text_representation then
  return '{}';
end
$$;
create function app.tenant() returns uuid
  language sql stable set search_path = ''
  as $$ select (app.jwt() ->> 'tenant_id')::uuid $$;
create function app.person() returns uuid
  language sql stable set search_path = ''
  as $$ select (app.jwt() ->> 'sub')::uuid $$;
grant execute on function app.jwt(), app.tenant(), app.person() to saas_api;

create table tickets (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  requester_id uuid not null,
  subject text not null,
  status text not null default 'open',
  unique (tenant_id, id)
);
create index tickets_by_status on tickets (tenant_id, status);
create table replies (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  ticket_id uuid not null,
  author_id uuid not null,
  body text not null,
  foreign key (tenant_id, ticket_id) references tickets (tenant_id, id)
);
create index replies_to_ticket on replies (tenant_id, ticket_id);

alter table tickets enable row level security;
alter table tickets force row level security;
create policy tickets_read on tickets for select to saas_api
  using (tenant_id = (select app.tenant()));
create policy tickets_open on tickets for insert to saas_api
  with check (tenant_id = (select app.tenant()) and requester_id = (select app.person()));
create policy tickets_change on tickets for update to saas_api
  using (tenant_id = (select app.tenant()))
  with check (tenant_id = (select app.tenant()));

alter table replies enable row level security;
alter table replies force row level security;
create policy replies_read on replies for select to saas_api
  using (tenant_id = (select app.tenant()));
create policy replies_add on replies for insert to saas_api
  with check (tenant_id = (select app.tenant()) and author_id = (select app.person()));

grant select, insert, update on tickets to saas_api;
grant select, insert on replies to saas_api;

-- A dump must hold all rows; the login that makes it may become nothing else.
reset role;
create role saas_backup nologin bypassrls;
grant pg_read_all_data to saas_backup;
create role saas_dump login noinherit;
grant saas_backup to saas_dump;
set role saas_owner;
