-- sound: Migrations have a login of their own, which may become the owner; the one of requests may not.
-- shape: forum
-- shown: 42501

-- [both]
reset role;
create role forum_migrator login noinherit;
grant forum_owner to forum_migrator;

-- [proof]
-- as: gate
set local role forum_owner;
select true as shown;
