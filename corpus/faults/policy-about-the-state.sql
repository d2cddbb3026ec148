-- fault: A second policy is about the state of the row alone, and opens all tenants.
-- shape: desk
-- objects: desk.notes, shared
-- level: error
-- rowpass: RLS013
-- splinter: multiple_permissive_policies
-- shown: true, fixed false

-- [broken]
create policy shared on desk.notes for select to desk_user using (state = 'open');
-- [fixed]
create policy shared on desk.notes for select to desk_user using (org = (select desk.org()) and state = 'open');

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
