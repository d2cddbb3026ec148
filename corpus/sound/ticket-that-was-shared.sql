-- sound: One side of an OR is the tenant, and the other one a list of what was shared with the caller.
-- shape: helpdesk
-- shown: false

-- [both]
create table shares (ticket_id uuid not null, person_id uuid not null, primary key (person_id, ticket_id));
alter table shares enable row level security;
alter table shares force row level security;
create policy shares_read on shares for select to saas_api using (person_id = (select app.person()));
grant select on shares to saas_api;
alter policy tickets_read on tickets
  using (tenant_id = (select app.tenant()) or id in (select s.ticket_id from shares s where s.person_id = (select app.person())));

-- [proof]
-- as: ann
select count(*) > 0 as shown from tickets where tenant_id = 'b0000000-0000-4000-8000-00000000000b';
