-- What a subscriber receives; row-level security has no part in it.
select count(*) > 0 as shown
  from pg_publication_tables p
  join pg_class c on c.oid = format('%I.%I', p.schemaname, p.tablename)::regclass
 where p.pubname = 'invoices_feed' and c.relrowsecurity and p.rowfilter is null and p.tablename <> 'currencies';
