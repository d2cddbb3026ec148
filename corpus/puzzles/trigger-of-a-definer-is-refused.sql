-- as: {"who": 3}
-- ask: update club.plans set owner = 4 where id = 1
-- happens: 42501
-- reasons: trigger_fails
-- says: told of club.plans, inside club.tell(), runs as puzzle_owner (SECURITY DEFINER), no INSERT on table club.news
-- advice: grant insert on club.news to puzzle_owner;
create schema club; grant usage on schema club to puzzle_user, puzzle_owner;
create table club.plans (id int, owner int); insert into club.plans values (1, 3);
create table club.news (about int);
create function club.tell() returns trigger language plpgsql security definer set search_path = club as
  $$ begin insert into news values (new.id); return new; end $$;
alter function club.tell() owner to puzzle_owner;
create trigger told after update on club.plans for each row execute function club.tell();
alter table club.plans enable row level security;
create policy everybody on club.plans to puzzle_user using (true);
grant select, update on club.plans to puzzle_user;
