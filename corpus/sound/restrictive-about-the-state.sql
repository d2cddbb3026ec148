-- sound: A restrictive policy is about the row alone, which is what they are for.
-- shape: desk
-- shown: false

-- [both]
create policy kept on desk.notes as restrictive for delete to desk_user using (state <> 'kept');

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
