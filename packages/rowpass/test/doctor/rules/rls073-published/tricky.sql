-- expect: RLS012:public.currencies:currencies_read | RLS073:live
-- It names a schema, and no table. A table that everybody reads is no secret.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create publication live for tables in schema public;
create table currencies (code text primary key);
alter table currencies enable row level security;
create policy currencies_read on currencies for select to authenticated, anonymous using (true);
grant select on currencies to authenticated, anonymous;
create publication rates for table currencies;
