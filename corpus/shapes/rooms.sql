-- shape: PostgREST: views of a schema api, tables behind it, text keys, no tenant anywhere; who hosts a room, and who is a guest there.
-- owner: rooms_owner
-- requests: rooms_anon, rooms_user
-- schemas: api
-- person ann: set local role rooms_user; select set_config('request.jwt.claims', '{"sub": "ann", "role": "rooms_user"}', true);
-- person bob: set local role rooms_user; select set_config('request.jwt.claims', '{"sub": "bob", "role": "rooms_user"}', true);
-- person nobody: set local role rooms_user; select set_config('request.jwt.claims', '', true);
-- person anon: set local role rooms_anon; select set_config('request.jwt.claims', '{"role": "rooms_anon"}', true);

create role rooms_anon nologin;
create role rooms_user nologin;
create role rooms_owner nologin;
create role rooms_gate login noinherit;
grant rooms_anon, rooms_user to rooms_gate;
do $$
begin
  execute format('grant create on database %I to rooms_owner', current_database());
  execute format('revoke temporary on database %I from public', current_database());
end
$$;
set role rooms_owner;
alter default privileges revoke execute on functions from public;
create schema api;
create schema data;
grant usage on schema api, data to rooms_anon, rooms_user;
create function data.me() returns text language sql stable
  return nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub';
grant execute on function data.me() to rooms_anon, rooms_user;

create table data.rooms (slug text primary key, host text not null, title text not null, listed boolean not null default false);
create index on data.rooms (host);
create table data.guests (room text not null references data.rooms, person text not null, primary key (room, person));
create index on data.guests (person, room);
create table data.messages (
  id bigint generated always as identity primary key,
  room text not null references data.rooms,
  author text not null,
  body text not null,
  sent_at timestamptz not null default now()
);
create index on data.messages (room, sent_at);
create index on data.messages (author);

alter table data.guests enable row level security;
create policy own on data.guests for select to rooms_user using (person = (select data.me()));
alter table data.rooms enable row level security;
create policy hosted on data.rooms to rooms_user
  using (host = (select data.me())) with check (host = (select data.me()));
create policy visited on data.rooms for select to rooms_user
  using (slug = any (array(select g.room from data.guests g where g.person = (select data.me()))));
alter table data.messages enable row level security;
create policy visited on data.messages for select to rooms_user
  using (room = any (array(select g.room from data.guests g where g.person = (select data.me()))));
create policy write on data.messages for insert to rooms_user
  with check (author = (select data.me())
    and room = any (array(select g.room from data.guests g where g.person = (select data.me()))));
create policy correct on data.messages for update to rooms_user
  using (author = (select data.me())) with check (author = (select data.me()));
grant select, insert, update, delete on data.rooms to rooms_user;
grant select on data.guests to rooms_user;
grant select, insert (room, author, body), update (body) on data.messages to rooms_user;

create view api.rooms with (security_invoker = true) as select slug, title, host from data.rooms;
create view api.messages with (security_invoker = true) as select id, room, author, body, sent_at from data.messages;
grant select on api.rooms, api.messages to rooms_user;
reset role;
insert into data.rooms values ('attic', 'ann', 'Attic', true), ('barn', 'bob', 'Barn', false), ('cellar', 'cat', 'Cellar', false);
insert into data.guests values ('attic', 'ann'), ('attic', 'dan'), ('barn', 'bob'), ('cellar', 'ann');
insert into data.messages (room, author, body) values
  ('attic', 'ann', 'hello'), ('attic', 'dan', 'dust'), ('barn', 'bob', 'hay'), ('cellar', 'cat', 'wine');

-- [works]
-- as: ann
insert into data.messages (room, author, body) values ('attic', 'ann', 'light');
update data.messages set body = 'more light' where body = 'light';
update data.rooms set title = 'The attic' where slug = 'attic';
select count(*) = 2 as works from data.messages where author = 'ann' and room = 'attic';
