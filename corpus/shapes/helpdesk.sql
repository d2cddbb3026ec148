-- shape: A help desk. The claims are one JSON text, request.jwt.claims, parsed by one function and read by two others.
-- owner: saas_owner
-- requests: saas_api
-- schemas: public, app
-- person ann: set local role saas_api; select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a"}', true);
-- person bob: set local role saas_api; select set_config('request.jwt.claims', '{"sub": "b1000000-0000-4000-8000-000000000001", "tenant_id": "b0000000-0000-4000-8000-00000000000b"}', true);
-- include: saas

set role saas_owner;
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
reset role;

insert into tickets (id, tenant_id, requester_id, subject) values
  ('ae000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-00000000000a', 'a1000000-0000-4000-8000-000000000001', '3 lamps are broken'),
  ('be000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-00000000000b', 'b1000000-0000-4000-8000-000000000001', 'The safe is open');
insert into replies (tenant_id, ticket_id, author_id, body) values
  ('a0000000-0000-4000-8000-00000000000a', 'ae000000-0000-4000-8000-000000000001', 'a2000000-0000-4000-8000-000000000002', 'Ordered'),
  ('b0000000-0000-4000-8000-00000000000b', 'be000000-0000-4000-8000-000000000001', 'b1000000-0000-4000-8000-000000000001', 'Still open');

-- [works]
-- as: ann
insert into tickets (tenant_id, requester_id, subject) values ('a0000000-0000-4000-8000-00000000000a', 'a1000000-0000-4000-8000-000000000001', 'Cold');
update tickets set status = 'closed' where subject = 'Cold';
insert into replies (tenant_id, ticket_id, author_id, body) select tenant_id, id, 'a1000000-0000-4000-8000-000000000001', 'Warm' from tickets where subject = 'Cold';
select count(*) = 2 as works from tickets where tenant_id = 'a0000000-0000-4000-8000-00000000000a';
