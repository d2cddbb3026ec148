-- fault: A policy for members is true on a table whose other policies ask for the account.
-- shape: club
-- objects: club.bookings, front_desk
-- level: error
-- rowpass: RLS013, RLS012
-- splinter: multiple_permissive_policies
-- requirements: 53
-- shown: true, fixed false

-- [broken]
create policy front_desk on club.bookings for select to club_member using (true);
-- [fixed]
create policy front_desk on club.bookings for select to club_boss using (true);

-- [proof]
-- as: ann
select count(*) > 0 as shown from club.bookings where person <> 1;
