insert into currencies values ('EUR', 'Euro'), ('GBP', 'Pound sterling');
insert into customers (id, tenant_id, name, email) values
  ('ac000000-0000-4000-8000-000000000001', 'a0000000-0000-4000-8000-00000000000a', 'Quarry', 'desk@quarry.example'),
  ('bc000000-0000-4000-8000-000000000001', 'b0000000-0000-4000-8000-00000000000b', 'Harbour', 'desk@harbour.example');
insert into invoices (tenant_id, customer_id, number, currency, total_cents) values
  ('a0000000-0000-4000-8000-00000000000a', 'ac000000-0000-4000-8000-000000000001', 1, 'EUR', 12000),
  ('b0000000-0000-4000-8000-00000000000b', 'bc000000-0000-4000-8000-000000000001', 1, 'GBP', 990000),
  ('b0000000-0000-4000-8000-00000000000b', 'bc000000-0000-4000-8000-000000000001', 2, 'GBP', 5000);
