-- fault: A second policy opens whatever is older than a day.
-- shape: rooms
-- objects: data.messages, archive
-- level: error
-- rowpass: RLS013
-- splinter: multiple_permissive_policies
-- requirements: 53
-- shown: true, fixed false

-- [both]
reset role;
update data.messages set sent_at = now() - interval '2 days';
set role rooms_owner;
-- [broken]
create policy archive on data.messages for select to rooms_user using (sent_at < now() - interval '1 day');

-- [proof]
-- as: ann
select count(*) > 0 as shown from data.messages where room = 'barn';
