-- sound: A trigger puts a column back, so that nobody moves a row by it.
-- shape: forum
-- shown: false

-- [both]
create function app_private.keep_author() returns trigger language plpgsql as $$
begin
  new.author_id := old.author_id;
  return new;
end $$;
create trigger keep_author before update on app_public.topics for each row execute function app_private.keep_author();
grant update (author_id) on app_public.topics to forum_visitor;

-- [proof]
-- as: ann
update app_public.topics set author_id = 2 where title = 'Apples';
-- as: bob
select count(*) > 1 as shown from app_public.topics;
