-- sound: Nobody deletes: the policy says false, and so nothing is asked of the caller.
-- shape: rooms
-- shown: false

-- [both]
grant delete on data.messages to rooms_user;
create policy nobody on data.messages for delete to rooms_user using (false);

-- [proof]
-- as: ann
delete from data.messages;
reset role;
select count(*) <> 4 as shown from data.messages;
