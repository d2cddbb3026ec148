-- sound: Claims that are parsed by a function with an exception handler, two calls away from the policies.
-- shape: helpdesk
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from tickets where tenant_id = 'b0000000-0000-4000-8000-00000000000b';
