-- fault: A policy on stored files asks for the bucket and not for whose file it is.
-- shape: teams
-- objects: storage.objects, Remove
-- level: error
-- rowpass: RLS020, RLS011, RLS013
-- splinter: multiple_permissive_policies
-- requirements: 53
-- shown: true, fixed false

-- [both]
reset role;
create policy "See" on storage.objects for select to authenticated using (bucket_id = 'files' and owner_id = (select auth.uid())::text);
-- [broken]
create policy "Remove" on storage.objects for all to authenticated using (bucket_id = 'files');

-- [proof]
-- as: ann
delete from storage.objects where name = 'bob/plan.pdf';
reset role;
select count(*) = 0 as shown from storage.objects where name = 'bob/plan.pdf';
