-- sound: One policy names two roles, of which each sees its own.
-- shape: notes
-- shown: false

-- [both]
reset role;
create role saas_mobile nologin;
grant usage on schema public to saas_mobile;
grant saas_mobile to saas_login;
set role saas_owner;
grant select on notes to saas_mobile;
alter policy notes_read on notes to saas_api, saas_mobile;

-- [proof]
-- as: ann
set local role saas_mobile;
select count(*) > 0 as shown from notes where tenant_id = 'b0000000-0000-4000-8000-00000000000b';
