-- fault: The check of an INSERT asks for the room and not for the author.
-- shape: rooms
-- objects: data.messages, write
-- level: error
-- rowpass: RLS015
-- requirements: 53
-- shown: true, fixed 42501
-- wrong: rowpass

-- [broken]
alter policy write on data.messages
  with check (room = any (array(select g.room from data.guests g where g.person = (select data.me()))));

-- [proof]
-- as: ann
insert into data.messages (room, author, body) values ('attic', 'dan', 'I owe ann money');
select count(*) > 0 as shown from data.messages where author = 'dan' and body like 'I owe%';
