begin;
alter table invoices enable row level security;
alter table invoices force row level security;
-- The application goes on as before. Without this it would see no row from here on.
create policy invoices_app on invoices to shop_app using (true) with check (true);
-- Whoever brings a token reads and adds the invoices of the organisation in it.
create policy invoices_select on invoices for select to authenticated
  using (org_id = (select auth.claim_uuid('org_id')));
create policy invoices_insert on invoices for insert to authenticated
  with check (org_id = (select auth.claim_uuid('org_id')));
grant select, insert (org_id, amount) on invoices to authenticated;
create index invoices_org_id_idx on invoices (org_id);
commit;
