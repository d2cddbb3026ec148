-- fault: A materialized view holds the rows of all tenants and is granted to the API.
-- shape: invoices
-- objects: public.customer_totals
-- level: error
-- rowpass: RLS045
-- splinter: materialized_view_in_api
-- requirements: 49
-- shown: true, fixed 42501

-- [both]
create materialized view customer_totals as
  select tenant_id, customer_id, count(*) as invoices, sum(total_cents) as total_cents
    from invoices group by tenant_id, customer_id;
create unique index customer_totals_key on customer_totals (tenant_id, customer_id);
-- [broken]
grant select on customer_totals to saas_api;
-- [fixed]
create function app.customer_totals() returns setof customer_totals
  language sql stable security definer set search_path = ''
  as $$ select * from public.customer_totals t where t.tenant_id = (select app.tenant_id()) $$;
grant execute on function app.customer_totals() to saas_api;
-- [both]
reset role;
refresh materialized view customer_totals;

-- [proof]
-- as: ann
select count(*) > 0 as shown from customer_totals where tenant_id <> 'a0000000-0000-4000-8000-00000000000a';
