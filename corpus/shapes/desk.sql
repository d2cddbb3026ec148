-- shape: Integer keys; the owner logs in for migrations, is no superuser, and has a policy of its own because of FORCE. PL/pgSQL and SQL.
-- owner: desk_boss
-- requests: desk_user, desk_guest
-- schemas: desk
-- person ann: set local role desk_user; select set_config('request.jwt.claims', '{"sub": 1, "org": 10}', true);
-- person bob: set local role desk_user; select set_config('request.jwt.claims', '{"sub": 2, "org": 20}', true);
-- person guest: set local role desk_guest; select set_config('request.jwt.claims', '', true);
-- person boss: set local session authorization desk_boss;

create role desk_user nologin;
create role desk_guest nologin;
create role desk_boss login;
create role desk_login login noinherit;
grant desk_user, desk_guest to desk_login;
do $$
begin
  execute format('grant create on database %I to desk_boss', current_database());
  execute format('revoke temporary on database %I from public', current_database());
end
$$;
set role desk_boss;
create schema desk;
grant usage on schema desk to desk_user, desk_guest;
create function desk.claims() returns jsonb language sql stable
  as $$ select nullif(current_setting('request.jwt.claims', true), '')::jsonb $$;
create function desk.me() returns bigint language sql stable as $$ select (desk.claims() ->> 'sub')::bigint $$;
create function desk.org() returns integer language plpgsql stable as $$
begin
  return (desk.claims() ->> 'org')::integer;
end
$$;
create table desk.notes (
  id bigint generated always as identity primary key,
  org integer not null,
  author bigint not null,
  state text not null default 'open',
  body text not null default '',
  unique (org, id)
);
create index on desk.notes (org);
create index on desk.notes (author);
alter table desk.notes enable row level security;
alter table desk.notes force row level security;
create policy org on desk.notes to desk_user using (org = (select desk.org()));
create policy boss on desk.notes to desk_boss using (true);
grant select, insert (org, author, body), update (state, body), delete on desk.notes to desk_user;
insert into desk.notes (org, author, state, body) values
  (10, 1, 'open', 'chairs'), (10, 3, 'done', 'tables'), (20, 2, 'open', 'salaries'), (20, 2, 'done', 'offers');
reset role;

-- [works]
-- as: ann
insert into desk.notes (org, author, body) values (10, 1, 'lamps');
update desk.notes set state = 'done' where body = 'lamps';
delete from desk.notes where body = 'chairs';
select count(*) = 2 as works from desk.notes where org = 10;
