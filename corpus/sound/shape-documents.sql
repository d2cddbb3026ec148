-- sound: The tenant comes from a row that the policy of its own table hides from others.
-- shape: documents
-- shown: false

-- [proof]
-- as: ann
select count(*) > 0 as shown from documents where title = 'Contracts';
