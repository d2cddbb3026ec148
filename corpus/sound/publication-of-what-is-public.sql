-- sound: A publication of a table that everybody may read.
-- shape: invoices
-- shown: false

-- [both]
reset role;
create publication currencies_feed for table currencies;

-- [proof]
-- as: ann
select count(*) > 0 as shown from pg_publication_tables where pubname = 'currencies_feed' and tablename <> 'currencies';
