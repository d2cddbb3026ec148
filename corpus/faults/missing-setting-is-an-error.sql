-- fault: current_setting without its second argument: a request without a session fails instead of seeing nothing.
-- shape: forum
-- objects: app_public.topics, tagged
-- level: warning
-- rowpass: RLS019, RLS022
-- requirements: 43
-- shown: 42704, fixed true
-- works: true, broken 42704

-- [both]
create index on app_public.topics (title);
-- [broken]
create policy tagged on app_public.topics for select to forum_visitor
  using (title = (select current_setting('jwt.claims.tag')));
-- [fixed]
create policy tagged on app_public.topics for select to forum_visitor
  using (title = (select current_setting('jwt.claims.tag', true)));

-- [proof]
-- as: ann
select count(*) = 1 as shown from app_public.topics;
