-- fault: A table without row-level security, which default privileges give to the roles of the API.
-- shape: teams
-- objects: public.invoices
-- level: error
-- rowpass: RLS001
-- splinter: rls_disabled_in_public
-- requirements: 47
-- shown: true, fixed 42501

-- [both]
create table invoices (id bigint generated always as identity primary key, team_id bigint not null, cents bigint not null);
insert into invoices (team_id, cents) values (1, 100), (2, 900);
-- [fixed]
alter table invoices enable row level security;
revoke all on invoices from anon, authenticated;

-- [proof]
-- as: anon
select count(*) > 0 as shown from invoices;
