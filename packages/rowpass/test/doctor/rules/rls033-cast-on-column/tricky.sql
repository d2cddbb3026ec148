-- expect: RLS033:public.folded:folded_read
-- varchar under a cast to text keeps its index: both are the same bytes. lower() keeps it where there is an index on it.
create table named (name varchar(40) primary key);
create table indexed (name text primary key);
create unique index on indexed (lower(name));
create table folded (name text primary key);
alter table named enable row level security;
alter table indexed enable row level security;
alter table folded enable row level security;
create policy named_read on named for select to authenticated using (name::text = (select app.claims() ->> 'sub'));
create policy indexed_read on indexed for select to authenticated using (lower(name) = (select app.claims() ->> 'sub'));
create policy folded_read on folded for select to authenticated using (lower(name) = (select app.claims() ->> 'sub'));
grant select on named, indexed, folded to authenticated;
-- An index of the cast: only the plan tells.
create table cast_indexed (id uuid primary key, tenant_id uuid not null);
create index on cast_indexed ((tenant_id::text));
alter table cast_indexed enable row level security;
create policy cast_indexed_read on cast_indexed for select to authenticated
  using (tenant_id::text = (select app.claims() ->> 'tenant_id'));
grant select on cast_indexed to authenticated;
