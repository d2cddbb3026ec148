-- sound: A function that says yes or no is compared with true: nobody without claims gets through.
-- shape: desk
-- shown: false

-- [both]
create function desk.in_org(wanted integer) returns boolean language sql stable as $$ select wanted = desk.org() $$;
create policy same on desk.notes for select to desk_user using (org = (select desk.org()) and desk.in_org(org) = true);

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
