-- as: {"who": 3}
-- ask: insert into club.plans (id, owner) values (5, 3)
-- happens: 42501
-- reasons: row_refused
-- says: own_rows
create schema club; grant usage on schema club to puzzle_user;
create table club.plans (id bigint primary key, owner int);
create function club.nobodys() returns trigger language plpgsql as $$ begin new.owner := null; return new; end $$;
create trigger nobodys before insert on club.plans for each row execute function club.nobodys();
alter table club.plans enable row level security;
create policy own_rows on club.plans to puzzle_user using (owner = current_setting('jwt.claims.who', true)::int);
grant select, insert on club.plans to puzzle_user;
