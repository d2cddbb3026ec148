begin;
-- Tokens run as authenticated; it may do what a person of the blog may.
grant blog_person to authenticated;
create or replace function app_public.current_person_id() returns int
  language sql stable
  as $$ select auth.claim_int('person_id')::int $$;
commit;
