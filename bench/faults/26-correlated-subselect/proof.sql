set local role saas_api;
select set_config('app.user_id', 'a1000000-0000-4000-8000-000000000001', true);
set local enable_seqscan = off;
do $$
declare
  plan jsonb;
begin
  execute $query$explain (format json, costs off) select * from projects$query$ into plan;
  perform set_config('proof.shown', (plan @? '$.** ? (@."Parent Relationship" == "SubPlan")')::text, true);
end
$$;
select current_setting('proof.shown')::boolean as shown;
