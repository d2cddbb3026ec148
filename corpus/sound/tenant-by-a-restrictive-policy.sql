-- sound: A permissive policy lets everything through, and a restrictive one ties all of it to the tenant that a setting names.
-- shape: notes
-- shown: false

-- [both]
drop policy notes_read on notes;
drop policy notes_add on notes;
drop policy notes_change on notes;
drop policy notes_remove on notes;
create policy notes_of_everybody on notes to saas_api using (true);
create policy notes_of_the_tenant on notes as restrictive to saas_api
  using (tenant_id = (select nullif(current_setting('app.tenant_id', true), '')::uuid));

-- [proof]
-- as: ann
update notes set title = title;
delete from notes;
reset role;
select count(*) <> 2 as shown from notes where tenant_id = 'b0000000-0000-4000-8000-00000000000b';
