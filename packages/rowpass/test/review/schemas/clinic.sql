-- Claims as JSON, uuid keys, tenants by membership without a claim, a helper of the owner's, two roles.
-- identity: {"name": "eve", "role": "clinic_user", "claims": {"sub": "00000000-0000-4000-8000-000000000001"}}
-- identity: {"name": "fay", "role": "clinic_user", "claims": {"sub": "00000000-0000-4000-8000-000000000002"}}
-- identity: {"name": "guest", "role": "clinic_guest", "claims": {}}
create role clinic_owner nologin bypassrls;
create role clinic_user nologin;
create role clinic_guest nologin;
create schema clinic authorization clinic_owner;
set role clinic_owner;
create function clinic.who() returns uuid language sql stable
  as $$ select (nullif(current_setting('request.jwt.claims', true), '')::json ->> 'sub')::uuid $$;
create table clinic.wards (id uuid primary key, name text not null, public boolean not null);
create table clinic.staff (
  person uuid not null, ward uuid not null references clinic.wards, head boolean not null, primary key (person, ward));
create table clinic.patients (id uuid primary key, ward uuid not null references clinic.wards, name text not null, vip boolean not null);
create table clinic.notes (
  id bigint generated always as identity primary key, patient uuid not null references clinic.patients,
  author uuid not null, draft boolean not null, body text);
create index staff_ward on clinic.staff (ward);
create index patients_ward on clinic.patients (ward);
create index notes_patient on clinic.notes (patient);
create index notes_author on clinic.notes (author);
insert into clinic.wards
  select ('00000000-0000-4000-8000-0000000001' || lpad(n::text, 2, '0'))::uuid, 'w' || n, n = 4 from generate_series(1, 4) n;
insert into clinic.staff values
  ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000101', true),
  ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-000000000102', false),
  ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000102', false),
  ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-000000000103', true);
insert into clinic.patients
  select ('00000000-0000-4000-8000-0000000002' || lpad(n::text, 2, '0'))::uuid,
         ('00000000-0000-4000-8000-0000000001' || lpad((1 + n % 4)::text, 2, '0'))::uuid, 'p' || n, n % 5 = 0
    from generate_series(1, 24) n;
insert into clinic.notes (patient, author, draft, body)
  select ('00000000-0000-4000-8000-0000000002' || lpad((1 + n % 24)::text, 2, '0'))::uuid,
         ('00000000-0000-4000-8000-00000000000' || (1 + n % 3))::uuid, n % 7 = 0, 'x' from generate_series(1, 48) n;
create function clinic.works_in(w uuid) returns boolean language sql stable security definer set search_path = ''
  as $$ select exists (select from clinic.staff s where s.ward = w and s.person = clinic.who()) $$;
alter table clinic.wards enable row level security;
alter table clinic.staff enable row level security;
alter table clinic.patients enable row level security;
alter table clinic.notes enable row level security;
create policy wards_read on clinic.wards for select to clinic_user, clinic_guest using (public or clinic.works_in(id));
create policy staff_own on clinic.staff for select to clinic_user using (person = (select clinic.who()));
create policy patients_ward on clinic.patients for select to clinic_user
  using (ward in (select s.ward from clinic.staff s where s.person = (select clinic.who())));
create policy patients_vip on clinic.patients as restrictive for select to clinic_user
  using (not vip or exists (select from clinic.staff s where s.ward = patients.ward and s.head));
create policy notes_read on clinic.notes for select to clinic_user
  using (author = (select clinic.who()) or (not draft and exists (select from clinic.patients p where p.id = patient)));
create policy notes_write on clinic.notes for all to clinic_user
  using (author = (select clinic.who())) with check (author = (select clinic.who()));
grant usage on schema clinic to clinic_user, clinic_guest;
grant select on clinic.wards to clinic_user, clinic_guest;
grant select on clinic.staff, clinic.patients to clinic_user;
grant select, update, delete on clinic.notes to clinic_user;
