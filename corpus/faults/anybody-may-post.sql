-- fault: An INSERT policy whose check is true: posts in other teams, under other names.
-- shape: teams
-- objects: public.posts, Anybody
-- level: error
-- rowpass: RLS011, RLS015, RLS013
-- splinter: rls_policy_always_true
-- requirements: 53
-- shown: true, fixed 42501

-- [broken]
create policy "Anybody" on posts for insert to authenticated with check (true);

-- [proof]
-- as: ann
insert into posts (team_id, author_id, body) values (2, 'b1000000-0000-4000-8000-000000000001', 'forged');
select true as shown;
