-- expect: RLS056:public.bookings:app.booked() | RLS056:public.mentions:app.mentioned()
create table inbox (id bigint generated always as identity primary key, owner bigint not null, body text);
create index on inbox (owner);
alter table inbox enable row level security;
create function app.me() returns bigint language sql stable return (app.claims() ->> 'number')::bigint;
create policy inbox_own on inbox for select to authenticated using (owner = (select app.me()));
grant select on inbox to authenticated;
create table mentions (id bigint generated always as identity primary key, author bigint not null, about bigint not null);
create index on mentions (author);
alter table mentions enable row level security;
create policy mentions_own on mentions to authenticated using (author = (select app.me()));
grant select, insert (author, about) on mentions to authenticated;
create function app.mentioned() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  insert into public.inbox (owner, body) values (new.about, 'You were mentioned.');
  return new;
end $$;
create trigger mentioned after insert on mentions for each row execute function app.mentioned();
-- By a variable and another function, and an update.
create table rooms (id bigint generated always as identity primary key, owner bigint not null, taken boolean);
create index on rooms (owner);
alter table rooms enable row level security;
create policy rooms_own on rooms for select to authenticated using (owner = (select app.me()));
grant select on rooms to authenticated;
create table bookings (id bigint generated always as identity primary key, guest bigint not null, room bigint);
create index on bookings (guest);
alter table bookings enable row level security;
create policy bookings_own on bookings to authenticated using (guest = (select app.me()));
grant select, insert (guest, room) on bookings to authenticated;
create procedure app.take(place bigint) language sql as 'update public.rooms set taken = true where id = place';
create function app.booked() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare place bigint := new.room;
begin
  call app.take(place);
  return null;
end $$;
create trigger booked after insert on bookings for each row execute function app.booked();
revoke execute on all functions in schema app from public;
grant execute on function app.claims(), app.user_id(), app.me() to authenticated, anonymous;
