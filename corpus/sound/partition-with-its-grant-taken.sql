-- sound: A partition that was made by hand, with its own policy beside its grant.
-- shape: audit
-- shown: false

-- [both]
create table audit_log_2027 partition of audit_log for values from ('2027-01-01') to ('2028-01-01');
alter table audit_log_2027 enable row level security;
create policy audit_log_2027_read on audit_log_2027 for select to saas_api
  using (tenant_id = (select (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'tenant_id')::uuid));
grant select on audit_log_2027 to saas_api;
insert into audit_log_2027 (tenant_id, actor_id, action, at) values ('b0000000-0000-4000-8000-00000000000b', 'b1000000-0000-4000-8000-000000000001', 'left', '2027-02-02');

-- [proof]
-- as: ann
select count(*) > 0 as shown from audit_log_2027;
