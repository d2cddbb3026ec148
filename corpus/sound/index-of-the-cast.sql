-- sound: A policy casts the column, and there is an index of the cast.
-- shape: invoices
-- shown: false

-- [both]
create index on invoices ((tenant_id::text));
alter policy invoices_own on invoices using (tenant_id::text = (select nullif(current_setting('app.tenant_id', true), '')));

-- [proof]
-- as: ann
select count(*) > 0 as shown from invoices where tenant_id = 'b0000000-0000-4000-8000-00000000000b';
