-- sound: Who may see messages is a table that the host writes, by a function that asks who hosts the room.
-- shape: rooms
-- shown: false

-- [both]
create function api.invite(room text, person text) returns void language plpgsql security definer set search_path = '' as $$
begin
  insert into data.guests select r.slug, invite.person from data.rooms r where r.slug = invite.room and r.host = data.me();
end $$;
grant execute on function api.invite(text, text) to rooms_user;

-- [proof]
-- as: ann
select api.invite('barn', 'ann');
select count(*) > 0 as shown from data.messages where room = 'barn';
