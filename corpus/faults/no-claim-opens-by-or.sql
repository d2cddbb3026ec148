-- fault: A policy is true for all rows where the claim is missing, for a job that has none.
-- shape: rooms
-- objects: data.rooms, jobs
-- level: error
-- rowpass: RLS018
-- requirements: 43, 54
-- shown: true, fixed false

-- [broken]
create policy jobs on data.rooms for select to rooms_user using ((select data.me()) is null);

-- [proof]
-- as: nobody
select count(*) > 0 as shown from data.rooms;
