-- fault: ON DELETE CASCADE from a topic removes the replies of other people, which nobody else may delete.
-- shape: forum
-- objects: app_public.replies, replies_topic_id_fkey
-- level: warning
-- rowpass: RLS072
-- requirements: 57
-- shown: true, fixed 23503

-- [both]
create table app_public.replies (id serial primary key, topic_id int not null, author_id int not null, body text not null);
create index on app_public.replies (topic_id);
create index on app_public.replies (author_id);
alter table app_public.replies enable row level security;
create policy own on app_public.replies for select to forum_visitor using (author_id = (select app_public.current_person_id()));
grant select on app_public.replies to forum_visitor;
insert into app_public.replies (topic_id, author_id, body) values (1, 2, 'I like pears');
-- [broken]
alter table app_public.replies add constraint replies_topic_id_fkey foreign key (topic_id) references app_public.topics on delete cascade;
-- [fixed]
alter table app_public.replies add constraint replies_topic_id_fkey foreign key (topic_id) references app_public.topics;

-- [proof]
-- as: ann
delete from app_public.topics where title = 'Apples';
reset role;
select count(*) = 0 as shown from app_public.replies;
