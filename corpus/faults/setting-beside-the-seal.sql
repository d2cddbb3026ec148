-- fault: One of two policies believes a setting that no seal covers.
-- shape: vault
-- objects: vault.letters, deputy
-- level: error
-- rowpass: RLS076
-- shown: true, fixed false

-- [broken]
create policy deputy on vault.letters for select to vault_user
  using (author = (select nullif(current_setting('app.on_behalf_of', true), '')));
-- [fixed]
create policy deputy on vault.letters for select to vault_user
  using (author = (select rowpass.session() ->> 'on_behalf_of'));

-- [proof]
-- as: ann
select set_config('app.on_behalf_of', 'bob', true);
select count(*) > 0 as shown from vault.letters where author = 'bob';
