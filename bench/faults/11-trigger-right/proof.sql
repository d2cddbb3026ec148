set local role saas_api;
select set_config('request.jwt.claims', '{"sub": "a1000000-0000-4000-8000-000000000001", "tenant_id": "a0000000-0000-4000-8000-00000000000a"}', true);
create trigger quiet before insert on tickets
  for each row execute function pg_catalog.suppress_redundant_updates_trigger();
-- Nobody can open a ticket any more.
set local role saas_api;
select set_config('request.jwt.claims', '{"sub": "b1000000-0000-4000-8000-000000000001", "tenant_id": "b0000000-0000-4000-8000-00000000000b"}', true);
insert into tickets (tenant_id, requester_id, subject) values ('b0000000-0000-4000-8000-00000000000b', 'b1000000-0000-4000-8000-000000000001', 'Is anybody there?');
select false as shown;
