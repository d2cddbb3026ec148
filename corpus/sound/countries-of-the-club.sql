-- sound: A list of countries that members and visitors read, on a forced table.
-- shape: club
-- shown: 42501

-- [proof]
-- as: visitor
select count(*) > 0 as shown from club.projects;
