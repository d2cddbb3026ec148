insert into folders (id, owner_id, name) values
  ('af000000-0000-4000-8000-000000000001', 1, 'Holidays'),
  ('bf000000-0000-4000-8000-000000000001', 2, 'Taxes');
insert into folder_shares values ('af000000-0000-4000-8000-000000000001', 3);
insert into files (folder_id, owner_id, name, bytes) values
  ('af000000-0000-4000-8000-000000000001', 1, 'beach.jpg', 120000),
  ('bf000000-0000-4000-8000-000000000001', 2, 'return.pdf', 40000),
  ('bf000000-0000-4000-8000-000000000001', 2, 'receipts.zip', 900000);
