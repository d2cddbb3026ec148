-- fault: The login that serves requests is a member of the owner, for migrations.
-- shape: forum
-- objects: forum_gate, forum_owner
-- level: error
-- rowpass: RLS006
-- requirements: 48
-- shown: true, fixed 42501

-- [broken]
reset role;
grant forum_owner to forum_gate;
-- [fixed]
reset role;
create role forum_migrator login noinherit;
grant forum_owner to forum_migrator;

-- [proof]
-- as: gate
set local role forum_owner;
select count(*) > 2 as shown from app_public.letters;
