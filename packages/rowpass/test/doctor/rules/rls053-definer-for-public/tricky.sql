-- expect: none
-- The schema lets nobody in; and one for a trigger, which nobody calls.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create schema closed;
create function closed.mine() returns bigint language sql stable security definer set search_path = pg_catalog, pg_temp
  as 'select count(*) from public.notes where id = app.user_id()';
create function app.stamp() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin new.owner := app.user_id(); return new; end $$;
create trigger stamp before insert on notes for each row execute function app.stamp();
