-- expect: RLS018:public.blocked:blocked_read
-- notes: "is not null" and a list of published rows, which is meant for all, show nothing of one's own to nobody.
-- orders: a member of an empty object is NULL. files: <> with NULL is NULL, and shows nothing. blocked: IS DISTINCT FROM with NULL is true for each row.
create table notes (id uuid primary key, published boolean);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated
  using (published or ((select app.user_id()) is not null and id = (select app.user_id())));
create table files (id uuid primary key, blocked uuid);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (blocked <> (select app.user_id()));
create table blocked (id uuid primary key, blocked uuid);
alter table blocked enable row level security;
create policy blocked_read on blocked for select to authenticated using (blocked is distinct from (select app.user_id()));
grant select on notes, files, blocked to authenticated;
create function app.jwt() returns jsonb language sql stable
  return coalesce(nullif(current_setting('request.jwt.claims', true), ''), '{}')::jsonb;
create table orders (id uuid primary key);
alter table orders enable row level security;
create policy orders_read on orders for select to authenticated using (id = (select (app.jwt() ->> 'sub')::uuid));
grant select on orders to authenticated;
