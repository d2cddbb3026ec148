-- fault: The table of sessions is granted for a join, and has no row-level security: whoever reads a session is that person.
-- shape: forum
-- objects: app_private.sessions
-- level: error
-- rowpass: RLS001
-- requirements: 47
-- shown: true, fixed false

-- [both]
grant usage on schema app_private to forum_visitor;
grant select on app_private.sessions to forum_visitor;
-- [fixed]
alter table app_private.sessions enable row level security;
create policy own on app_private.sessions for select to forum_visitor using (uuid = (select app_public.current_session_id()));

-- [proof]
-- as: visitor
select set_config('jwt.claims.session_id', coalesce((select uuid::text from app_private.sessions where person_id = 2), ''), true);
select count(*) > 0 as shown from app_public.letters where sender_id = 2;
