-- fault: The only policy is restrictive: it narrows nothing, and nobody sees a row.
-- shape: forum
-- objects: app_public.polls
-- level: warning
-- rowpass: RLS003
-- requirements: 47
-- shown: true, fixed false

-- [both]
create table app_public.polls (id serial primary key, author_id int not null, title text not null);
create index on app_public.polls (author_id);
alter table app_public.polls enable row level security;
grant select on app_public.polls to forum_visitor;
insert into app_public.polls (author_id, title) values (1, 'Tea?');
-- [broken]
create policy own on app_public.polls as restrictive for select to forum_visitor using (author_id = (select app_public.current_person_id()));
-- [fixed]
create policy own on app_public.polls for select to forum_visitor using (author_id = (select app_public.current_person_id()));

-- [proof]
-- as: ann
select count(*) = 0 as shown from app_public.polls;
