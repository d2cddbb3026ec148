-- fault: Who may see messages is a row of a table into which everybody may write a row for themselves.
-- shape: rooms
-- objects: data.guests
-- level: error
-- rowpass: RLS017
-- requirements: 54
-- shown: true, fixed 42501

-- [broken]
create policy join_in on data.guests for insert to rooms_user with check (person = (select data.me()));
grant insert on data.guests to rooms_user;

-- [proof]
-- as: ann
insert into data.guests values ('barn', 'ann');
select count(*) > 0 as shown from data.messages where room = 'barn';
