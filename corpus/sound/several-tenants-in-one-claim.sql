-- sound: A person of several tenants: the claim is an array, read once.
-- shape: desk
-- shown: false

-- [both]
create function desk.orgs() returns integer[] language sql stable
  as $$ select array(select jsonb_array_elements_text(desk.claims() -> 'orgs')::integer) $$;
create policy several on desk.notes for select to desk_user using (org = any ((select desk.orgs())::integer[]));

-- [proof]
-- as: ann
select count(*) > 0 as shown from desk.notes where org <> 10;
