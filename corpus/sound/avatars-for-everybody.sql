-- sound: A bucket whose files everybody sees, and each person writes their own.
-- shape: teams
-- shown: false

-- [both]
reset role;
create policy "Avatars" on storage.objects for select to anon, authenticated using (bucket_id = 'avatars');
create policy "Own avatar" on storage.objects for insert to authenticated
  with check (bucket_id = 'avatars' and owner_id = (select auth.uid())::text);

-- [proof]
-- as: anon
select count(*) > 0 as shown from storage.objects where bucket_id = 'files';
