-- sound: A second permissive policy asks for the state, and for the tenant as well.
-- shape: desk
-- shown: false

-- [both]
create policy open_ones on desk.notes for select to desk_user using (org = (select desk.org()) and state = 'open');

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
