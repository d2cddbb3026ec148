-- fault: A policy for everybody and all commands asks how long a text of the row is.
-- shape: desk
-- objects: desk.notes, "B 2"
-- level: error
-- rowpass: RLS013
-- splinter: multiple_permissive_policies
-- shown: true, fixed false

-- [broken]
create policy "B 2" on desk.notes using (char_length(body) > 2);

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
