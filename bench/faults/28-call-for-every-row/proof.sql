set local role saas_api;
select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a"}', true);
set local enable_indexscan = off;
set local enable_bitmapscan = off;
do $$
declare
  plan jsonb;
begin
  execute $query$explain (format json, costs off) select * from tickets$query$ into plan;
  perform set_config('proof.shown', (not plan @? '$.** ? (@."Parent Relationship" == "InitPlan")')::text, true);
end
$$;
select current_setting('proof.shown')::boolean as shown;
