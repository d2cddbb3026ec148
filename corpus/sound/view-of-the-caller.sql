-- sound: A view with security_invoker over two tables with policies.
-- shape: teams
-- shown: false

-- [both]
create view team_posts with (security_invoker = true) as select t.name, p.body from teams t join posts p on p.team_id = t.id;

-- [proof]
-- as: ann
select count(*) > 0 as shown from team_posts where name = 'Blue';
