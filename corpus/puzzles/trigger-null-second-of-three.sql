-- as: {"who": "ada"}
-- ask: update app.pages set title = upper(title)
-- happens: 1
-- reasons: trigger_passes_over
-- says: b_frozen of app.pages, app.frozen(), 2 rows
-- never: a_stamp, c_trim
create schema app; grant usage on schema app to puzzle_user;
create table app.pages (slug text primary key, title text, frozen boolean, changed timestamptz);
insert into app.pages values ('a', 'x', true), ('b', 'y', true), ('c', 'z', false);
create function app.stamp() returns trigger language plpgsql as $$ begin new.changed := now(); return new; end $$;
create function app.frozen() returns trigger language plpgsql as
  $$ begin return case when old.frozen then null else new end; end $$;
create function app.trimmed() returns trigger language plpgsql as $$ begin new.title := trim(new.title); return new; end $$;
create trigger a_stamp before update on app.pages for each row execute function app.stamp();
create trigger b_frozen before update on app.pages for each row execute function app.frozen();
create trigger c_trim before insert or update on app.pages for each row execute function app.trimmed();
alter table app.pages enable row level security;
create policy everyone on app.pages to puzzle_user using (current_setting('jwt.claims.who', true) = 'ada');
grant select, update on app.pages to puzzle_user;
