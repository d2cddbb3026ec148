-- sound: Whoever owns a folder shares it: the check looks up what is theirs.
-- shape: files
-- shown: 42501
-- wrong: rowpass

-- [both]
alter table folder_shares enable row level security;
create policy folder_shares_own on folder_shares for select to saas_api using (user_id = (select current_user_id()));
create policy folder_shares_add on folder_shares for insert to saas_api
  with check (folder_id = any (array(select f.id from folders f where f.owner_id = (select current_user_id()))));
grant select, insert on folder_shares to saas_api;

-- [proof]
-- as: ann
insert into folder_shares values ('bf000000-0000-4000-8000-000000000001', 1);
select true as shown;
