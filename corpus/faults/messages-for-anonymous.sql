-- fault: A policy for the anonymous role is true, on a table that all others see in part.
-- shape: rooms
-- objects: data.messages, preview
-- level: error
-- rowpass: RLS012, RLS013
-- splinter: rls_policy_always_true
-- requirements: 53
-- shown: true, fixed 42501

-- [broken]
grant select on data.messages to rooms_anon;
create policy preview on data.messages for select to rooms_anon using (true);

-- [proof]
-- as: anon
select count(*) > 0 as shown from data.messages where room = 'barn';
