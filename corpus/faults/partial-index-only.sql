-- fault: The column of the policy is the first one of no full index, only of a partial one.
-- shape: invoices
-- objects: public.expenses
-- level: warning
-- rowpass: RLS035
-- splinter: unindexed_foreign_keys
-- requirements: 55
-- shown: true, fixed false

-- [both]
create table expenses (
  id uuid primary key default gen_random_uuid(),
  tenant_id uuid not null,
  spent_on date not null,
  cents bigint not null,
  approved boolean not null default false
);
create index expenses_to_approve on expenses (tenant_id) where not approved;
-- [fixed]
create index expenses_of_tenant on expenses (tenant_id, spent_on);
-- [both]
alter table expenses enable row level security;
create policy expenses_own on expenses for all to saas_api
  using (tenant_id = (select app.tenant_id()))
  with check (tenant_id = (select app.tenant_id()));
grant select, insert, update, delete on expenses to saas_api;

-- [proof]
-- as: ann
set local enable_seqscan = off;
-- plan: select * from expenses
select (not current_setting('proof.plan')::jsonb @? '$.** ? (@."Index Cond" like_regex "tenant_id")') as shown;
