set local role saas_api;
select set_config('app.tenant_id', 'a0000000-0000-4000-8000-00000000000a', true);
set local enable_seqscan = off;
do $$
declare
  plan jsonb;
begin
  execute $query$explain (format json, costs off) select * from invoices$query$ into plan;
  perform set_config('proof.shown', (not plan @? '$.** ? (@."Index Cond" like_regex "tenant_id")')::text, true);
end
$$;
select current_setting('proof.shown')::boolean as shown;
