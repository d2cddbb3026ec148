-- fault: AND binds before OR: the last condition stands alone, without the tenant.
-- shape: helpdesk
-- objects: public.tickets, tickets_read
-- level: error
-- rowpass: RLS013
-- requirements: 53
-- shown: true, fixed false

-- [broken]
alter policy tickets_read on tickets
  using (tenant_id = (select app.tenant()) and requester_id = (select app.person()) or status = 'open');
-- [fixed]
alter policy tickets_read on tickets
  using (tenant_id = (select app.tenant()) and (requester_id = (select app.person()) or status = 'open'));

-- [proof]
-- as: ann
select count(*) > 0 as shown from tickets where subject = 'The safe is open';
