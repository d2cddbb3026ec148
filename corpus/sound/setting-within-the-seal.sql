-- sound: A setting chooses among the rows that the sealed claims allow.
-- shape: vault
-- shown: false

-- [both]
create policy topic on vault.letters as restrictive for select to vault_user
  using (topic = coalesce((select nullif(current_setting('app.topic', true), '')), topic));

-- [proof]
-- as: ann
select set_config('app.topic', 'work', true), set_config('rowpass.claims', '{"sub": "bob"}', true);
select count(*) > 0 as shown from vault.letters where author = 'bob';
