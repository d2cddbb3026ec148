set local role saas_api;
select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a"}', true);
insert into replies (tenant_id, ticket_id, author_id, body)
  values ('b0000000-0000-4000-8000-00000000000b', 'be000000-0000-4000-8000-000000000001', 'a1000000-0000-4000-8000-000000000001', 'Click here');
set local role saas_api;
select set_config('request.jwt.claims', '{"sub": "b1000000-0000-4000-8000-000000000001", "tenant_id": "b0000000-0000-4000-8000-00000000000b"}', true);
select count(*) > 0 as shown from replies where author_id = 'a1000000-0000-4000-8000-000000000001';
