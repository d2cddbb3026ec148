-- sound: One policy for all commands, with its check, and a list of currencies that everybody reads.
-- shape: invoices
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from customers where tenant_id = 'b0000000-0000-4000-8000-00000000000b';
