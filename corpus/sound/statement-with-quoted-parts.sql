-- sound: A definer function writes a statement of names by %I and values by %L.
-- shape: desk
-- shown: false

-- [both]
create function desk.count_by(name text, value text) returns bigint language plpgsql stable security definer set search_path = '' as $$
declare n bigint;
begin
  execute format('select count(*) from desk.notes where org = %s and %I = %L', desk.org(), name, value) into n;
  return n;
end $$;
revoke execute on function desk.count_by(text, text) from public;
grant execute on function desk.count_by(text, text) to desk_user;

-- [proof]
-- as: ann
select desk.count_by('state', 'x'' or ''1'' = ''1') > 0 as shown;
