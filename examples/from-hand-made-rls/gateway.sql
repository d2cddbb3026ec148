begin;
-- Tokens run as authenticated; it may do what the customers may.
grant shop_customer to authenticated;
create or replace function app.customer_id() returns uuid
  language sql stable set search_path = ''
  as $$ select auth.uid() $$;
commit;
