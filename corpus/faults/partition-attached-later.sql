-- fault: A partition that was attached later kept the grants of its time as a table, and has no policy of its own.
-- shape: audit
-- objects: public.audit_log_2024
-- level: error
-- rowpass: RLS043, RLS001
-- splinter: rls_disabled_in_public
-- requirements: 50
-- shown: true, fixed 42501

-- [both]
-- The old year was imported by way of the API, and became a partition afterwards.
create table audit_log_2024 (like audit_log including all);
-- [broken]
grant select, insert on audit_log_2024 to saas_api;
-- [both]
alter table audit_log attach partition audit_log_2024 for values from ('2024-01-01') to ('2025-01-01');
-- [both]
reset role;
insert into audit_log (tenant_id, actor_id, action, at) values ('b0000000-0000-4000-8000-00000000000b', 'b1000000-0000-4000-8000-000000000001', 'hid a letter', '2024-05-05');

-- [proof]
-- as: ann
select count(*) > 0 as shown from audit_log_2024 where tenant_id <> 'a0000000-0000-4000-8000-00000000000a';
