-- as: {"who": 3}
-- ask: insert into club.plans values (1, 10)
-- happens: 42501
-- reasons: row_refused, inner_policy
-- says: in_group, club.in_group(integer), for in_group, club.members, puzzle_owner
create schema club authorization puzzle_owner; set role puzzle_owner; grant usage on schema club to puzzle_user;
create table club.members (grp int, person int); insert into club.members values (10, 3);
alter table club.members enable row level security; alter table club.members force row level security;
create function club.in_group(g int) returns boolean language plpgsql stable security definer set search_path = '' as
  $$ begin return exists (select from club.members m where m.grp = g and m.person = current_setting('jwt.claims.who', true)::int); end $$;
create table club.plans (id int, grp int);
alter table club.plans enable row level security;
create policy in_group on club.plans to puzzle_user using (club.in_group(grp));
grant select, insert on club.plans to puzzle_user;
