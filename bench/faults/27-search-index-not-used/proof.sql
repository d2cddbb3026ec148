set local role saas_api;
select set_config('jwt.claims.user_id', '1', true);
set local enable_seqscan = off;
do $$
declare
  plan jsonb;
begin
  execute $query$explain (format json, costs off) select * from search_files('ret')$query$ into plan;
  perform set_config('proof.shown', (not plan @? '$.** ? (@."Index Name" == "files_search")')::text, true);
end
$$;
select current_setting('proof.shown')::boolean as shown;
