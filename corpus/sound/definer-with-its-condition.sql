-- sound: A definer function that counts for the caller alone, with a search path and by name.
-- shape: desk
-- shown: false

-- [both]
create function desk.open_notes() returns bigint language plpgsql stable security definer set search_path = '' as $$
begin return (select count(*) from desk.notes n where n.org = desk.org() and n.state = 'open'); end $$;
revoke execute on function desk.open_notes() from public;
grant execute on function desk.open_notes() to desk_user;

-- [proof]
-- as: ann
select desk.open_notes() > 1 as shown;
