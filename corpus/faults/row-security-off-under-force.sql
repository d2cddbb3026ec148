-- fault: A function of the owner turns row_security off, and FORCE makes its query fail.
-- shape: desk
-- objects: desk.total
-- level: error
-- rowpass: RLS081
-- shown: 42501, fixed true

-- [both]
create policy boss_counts on desk.notes for select to desk_boss using (org > 0);
drop policy boss on desk.notes;
-- [broken]
create function desk.total() returns bigint language plpgsql security definer set search_path = '' set row_security = off
  as $$ begin return (select count(*) from desk.notes where org = desk.org()); end $$;
-- [fixed]
create function desk.total() returns bigint language plpgsql security definer set search_path = ''
  as $$ begin return (select count(*) from desk.notes where org = desk.org()); end $$;
-- [both]
revoke execute on function desk.total() from public;
grant execute on function desk.total() to desk_user;

-- [proof]
-- as: ann
select desk.total() = 2 as shown;
