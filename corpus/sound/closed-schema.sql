-- sound: A table without row-level security, with a grant, in a schema that lets nobody in.
-- shape: rooms
-- shown: 42501

-- [both]
create schema attic;
create table attic.boxes (id int primary key);
grant select on attic.boxes to rooms_user;

-- [proof]
-- as: ann
select count(*) = 0 as shown from attic.boxes;
