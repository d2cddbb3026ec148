-- sound: A table without policies, and without rights of the API: for the service key alone.
-- shape: teams
-- shown: 42501

-- [both]
create table payments (user_id uuid primary key, customer text not null);
alter table payments enable row level security;
revoke all on payments from anon, authenticated;
insert into payments values ('b1000000-0000-4000-8000-000000000001', 'cus_1');

-- [proof]
-- as: ann
select count(*) > 0 as shown from payments;

-- [works]
-- as: service
select count(*) = 1 as works from payments;
