-- fault: A definer trigger copies a row to the person that the row names.
-- shape: forum
-- objects: app_public.topics, app_public.announce
-- level: warning
-- rowpass: RLS056
-- requirements: 52
-- shown: true, fixed false

-- [both]
alter table app_public.topics add column about int;
grant insert (about) on app_public.topics to forum_visitor;
-- [broken]
create function app_public.announce() returns trigger language plpgsql security definer set search_path to pg_catalog, public, pg_temp as $$
begin
  insert into app_public.letters (sender_id, receiver_id, body) values (new.about, new.about, new.title);
  return new;
end $$;
create trigger announce after insert on app_public.topics for each row when (new.about is not null) execute function app_public.announce();

-- [proof]
-- as: ann
insert into app_public.topics (title, about) values ('buy now', 2);
-- as: bob
select count(*) > 0 as shown from app_public.letters where body = 'buy now';
