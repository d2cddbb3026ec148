set local role saas_api;
select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a"}', true);
-- Anybody may say how the rows are read.
set local enable_indexscan = off;
set local enable_bitmapscan = off;
-- The error shows the first word of a ticket of another tenant.
select count(*) = 0 as shown from tickets where app.is_counted(subject);
