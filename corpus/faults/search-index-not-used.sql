-- fault: LIKE is not leakproof: the index made for the search cannot be used under a policy.
-- shape: files
-- objects: public.files, files_search
-- level: warning
-- rowpass: RLS036
-- requirements: 55
-- shown: true, fixed false

-- [broken]
create index files_search on files (name text_pattern_ops);
-- [fixed]
alter table files add column name_start text not null generated always as (lower(left(name, 3))) stored;
create index files_search on files (name_start);
-- [both]
create function search_files(prefix text) returns setof files
  language sql stable
-- [broken]
  as $$ select * from public.files f where f.name like prefix || '%' $$;
-- [fixed]
  as $$ select * from public.files f where f.name_start = lower(left(prefix, 3)) and starts_with(lower(f.name), lower(prefix)) $$;
-- [both]
grant execute on function search_files(text) to saas_api;

-- [proof]
-- as: ann
set local enable_seqscan = off;
-- plan: select * from search_files('ret')
select (not current_setting('proof.plan')::jsonb @? '$.** ? (@."Index Name" == "files_search")') as shown;
