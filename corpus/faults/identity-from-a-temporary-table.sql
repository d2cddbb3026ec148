-- fault: Who is asking comes from a temporary table, which the caller makes.
-- shape: desk
-- objects: desk.cur_org
-- level: error
-- rowpass: RLS027
-- shown: true, fixed false

-- [both]
reset role;
do $$ begin execute format('grant temporary on database %I to desk_user', current_database()); end $$;
set role desk_boss;
-- [broken]
create function desk.cur_org() returns integer language plpgsql stable as $$
declare o integer;
begin select org into o from pg_temp.ctx; return o; exception when undefined_table then return null; end $$;
-- [fixed]
create function desk.cur_org() returns integer language plpgsql stable as $$ begin return desk.org(); end $$;
-- [both]
create policy current on desk.notes for select to desk_user using (org = (select desk.cur_org()));

-- [proof]
-- as: ann
create temporary table ctx as select 20 as org;
select count(*) > 0 as shown from desk.notes where org = 20;
