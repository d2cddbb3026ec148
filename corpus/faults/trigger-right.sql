-- fault: The API's role may put triggers on the table, and so act on the rows of everybody.
-- shape: helpdesk
-- objects: public.tickets
-- level: error
-- rowpass: RLS060
-- requirements: 51
-- shown: 39P01, fixed 42501

-- [broken]
grant references, trigger on tickets to saas_api;

-- [proof]
-- as: ann
create trigger quiet before insert on tickets
  for each row execute function pg_catalog.suppress_redundant_updates_trigger();
-- Nobody can open a ticket any more.
-- as: bob
insert into tickets (tenant_id, requester_id, subject) values ('b0000000-0000-4000-8000-00000000000b', 'b1000000-0000-4000-8000-000000000001', 'Is anybody there?');
select false as shown;
