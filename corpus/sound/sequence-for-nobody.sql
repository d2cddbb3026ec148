-- sound: A number from a sequence that only a trigger of the owner draws from.
-- shape: invoices
-- shown: 42501

-- [both]
create sequence receipt_numbers;
alter table invoices add column receipt bigint;
create function draw_receipt() returns trigger language plpgsql security definer set search_path = '' as $$
begin new.receipt := nextval('public.receipt_numbers'); return new; end $$;
create trigger draw_receipt before insert on invoices for each row execute function draw_receipt();

-- [proof]
-- as: ann
select nextval('receipt_numbers') > 0 as shown;
