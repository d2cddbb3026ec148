-- sound: A definer function writes a statement of parts that a CASE chooses.
-- shape: desk
-- shown: false

-- [both]
create function desk.sorted(direction text) returns setof text language plpgsql stable security definer set search_path = '' as $$
begin
  return query execute 'select body from desk.notes where org = $1 order by body '
    || case when direction = 'down' then 'desc' else 'asc' end using desk.org();
end $$;
revoke execute on function desk.sorted(text) from public;
grant execute on function desk.sorted(text) to desk_user;

-- [proof]
-- as: ann
select count(*) <> 2 as shown from desk.sorted('asc; drop table desk.notes');
