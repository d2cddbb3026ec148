-- fault: An UPDATE policy looks at the author alone, and the room may be updated.
-- shape: rooms
-- objects: data.messages, correct
-- level: error
-- rowpass: RLS014
-- requirements: 53
-- shown: true, fixed 42501

-- [broken]
grant update (room) on data.messages to rooms_user;
-- [fixed]
grant update (room) on data.messages to rooms_user;
alter policy correct on data.messages
  with check (author = (select data.me()) and room = any (array(select g.room from data.guests g where g.person = (select data.me()))));

-- [proof]
-- as: ann
update data.messages set room = 'barn';
reset role;
select count(*) > 0 as shown from data.messages where room = 'barn' and author = 'ann';
