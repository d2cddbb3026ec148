-- expect: RLS036:public.bookings:public.bookings_during_excl | RLS070:public.bookings:public.bookings_during_excl | RLS070:public.people:public.people_email_key
create table people (id uuid primary key, tenant_id uuid not null, email text unique);
create index on people (tenant_id);
alter table people enable row level security;
create policy people_read on people for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy people_add on people for insert to authenticated with check (tenant_id = (select app.tenant_id()));
grant select, insert on people to authenticated;
create table bookings (id uuid primary key, tenant_id uuid not null, during tstzrange not null,
  exclude using gist (during with &&));
create index on bookings (tenant_id);
alter table bookings enable row level security;
create policy bookings_own on bookings to authenticated using (tenant_id = (select app.tenant_id()));
grant select, insert on bookings to authenticated;
