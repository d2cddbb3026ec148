-- sound: A materialized view that nobody may read, and a definer function that filters it.
-- shape: invoices
-- shown: 42501

-- [both]
create materialized view totals as select tenant_id, sum(total_cents) as cents from invoices group by tenant_id;
create function app.total() returns numeric language sql stable security definer set search_path = ''
  as $$ select t.cents from public.totals t where t.tenant_id = (select app.tenant_id()) $$;
grant execute on function app.total() to saas_api;

-- [proof]
-- as: ann
select count(*) > 0 as shown from totals;
