-- sound: The tenant comes from a row that only its person sees, and whose tenant nobody may write.
-- shape: documents
-- shown: 42501

-- [proof]
-- as: ann
update people set tenant_id = 'b0000000-0000-4000-8000-00000000000b';
select true as shown;
