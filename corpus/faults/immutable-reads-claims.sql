-- fault: An IMMUTABLE function reads a claim: a prepared plan keeps the answer of its first caller.
-- shape: desk
-- objects: desk.viewer
-- level: error
-- rowpass: RLS026
-- shown: true, fixed false

-- [both]
create table desk.drafts (id bigint generated always as identity primary key, author bigint not null, body text);
create index on desk.drafts (author);
alter table desk.drafts enable row level security, force row level security;
create policy boss on desk.drafts to desk_boss using (true);
grant select on desk.drafts to desk_user;
insert into desk.drafts (author, body) values (1, 'mine'), (2, 'not yours');
-- [broken]
create function desk.viewer() returns bigint language plpgsql immutable as $$
begin return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::bigint; end $$;
-- [fixed]
create function desk.viewer() returns bigint language plpgsql stable as $$
begin return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::bigint; end $$;
-- [both]
create policy own on desk.drafts for select to desk_user using (author = (select desk.viewer()));

-- [proof]
-- as: bob
set local plan_cache_mode = force_generic_plan;
prepare drafts as select body from desk.drafts;
execute drafts;
-- as: ann
do $$
declare first text;
begin
  execute 'execute drafts' into first;
  perform set_config('proof.first', first, true);
end $$;
deallocate drafts;
select current_setting('proof.first') = 'not yours' as shown;
