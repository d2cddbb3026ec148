-- fault: A publication sends the rows of all tenants to whoever subscribes; replication asks no policy.
-- shape: invoices
-- objects: invoices_feed
-- level: error
-- rowpass: RLS073
-- shown: true, fixed false

-- [both]
reset role;
create role saas_warehouse login replication;
-- [broken]
create publication invoices_feed for all tables;
-- [fixed]
create publication invoices_feed for table currencies;
-- [both]
set role saas_owner;

-- [proof]
-- What a subscriber receives; row-level security has no part in it.
select count(*) > 0 as shown
  from pg_publication_tables p
  join pg_class c on c.oid = format('%I.%I', p.schemaname, p.tablename)::regclass
 where p.pubname = 'invoices_feed' and c.relrowsecurity and p.rowfilter is null and p.tablename <> 'currencies';
