-- fault: A second policy asks only whether somebody is there.
-- shape: desk
-- objects: desk.notes, known
-- level: error
-- rowpass: RLS013, RLS025
-- splinter: multiple_permissive_policies
-- shown: true, fixed false

-- [broken]
create policy known on desk.notes for select to desk_user using ((select desk.me()) is not null);
-- [fixed]
create policy known on desk.notes for select to desk_user using ((select desk.me()) is not null and org = (select desk.org()));

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
