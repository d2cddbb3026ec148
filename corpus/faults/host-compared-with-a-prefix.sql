-- fault: A LIKE whose pattern comes from the claim: an empty claim matches everything.
-- shape: rooms
-- objects: data.rooms, like_host
-- level: error
-- rowpass: RLS018, RLS013
-- requirements: 43, 54
-- shown: true, fixed false

-- [both]
create function data.name() returns text language sql stable return coalesce(data.me(), '');
grant execute on function data.name() to rooms_user;
-- [broken]
create policy like_host on data.rooms for select to rooms_user using (host like (select data.name()) || '%');
-- [fixed]
create policy like_host on data.rooms for select to rooms_user using (host = (select data.me()));

-- [proof]
-- as: nobody
select count(*) > 0 as shown from data.rooms where host = 'bob';
