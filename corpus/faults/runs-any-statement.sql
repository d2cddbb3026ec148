-- fault: A definer function runs its argument, and so anything as the owner.
-- shape: desk
-- objects: desk.run
-- level: error
-- rowpass: RLS055
-- splinter: authenticated_security_definer_function_executable
-- shown: true, fixed 42501

-- [broken]
create function desk.run(q text) returns void language plpgsql security definer set search_path = '' as $$ begin execute q; end $$;
-- [fixed]
create function desk.run(q text) returns void language plpgsql set search_path = '' as $$ begin execute q; end $$;
-- [both]
revoke execute on function desk.run(text) from public;
grant execute on function desk.run(text) to desk_user;

-- [proof]
-- as: ann
select desk.run('alter policy org on desk.notes using (true)');
select count(*) > 0 as shown from desk.notes where org <> 10;
