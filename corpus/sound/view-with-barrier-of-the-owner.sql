-- sound: A view of the owner that asks for the caller itself, behind a barrier.
-- shape: rooms
-- shown: false

-- [both]
create view api.guests with (security_barrier = true) as
  select g.room, g.person from data.guests g where g.room in (select h.room from data.guests h where h.person = (select data.me()));
grant select on api.guests to rooms_user;

-- [proof]
-- as: ann
select count(*) > 0 as shown from api.guests where room = 'barn';
