-- expect: RLS026:app.mine(bigint) (warning) | RLS026:"App ""x""".who() (warning) | RLS037:public.notes:notes_read
-- The claim is read by a function that this one calls; another one is in no policy, under a name that needs quotes. A
-- function of its argument alone may be IMMUTABLE, whatever it is called.
create function app.mine(person bigint) returns boolean language sql immutable
  as 'select person = (app.claims() ->> ''number'')::bigint';
create schema "App ""x""";
create function "App ""x""".who() returns text language sql immutable as 'select current_user::text';
create function app.current_user_key(claims jsonb) returns text language sql immutable return claims ->> 'sub';
create table notes (id bigint primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (app.mine(id));
grant select on notes to authenticated;
