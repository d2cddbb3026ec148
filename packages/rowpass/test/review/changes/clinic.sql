-- change: a sub-select as a join of names
-- effect: none
alter policy patients_ward on clinic.patients
  using (exists (select from clinic.staff s where s.ward = patients.ward and s.person = (select clinic.who())));
-- change: NOT on the other side
-- effect: none
alter policy patients_vip on clinic.patients
  using (not (vip and not exists (select from clinic.staff s where s.ward = patients.ward and s.head)));
-- change: a policy of the same text, made anew
-- effect: none
drop policy staff_own on clinic.staff;
create policy staff_mine on clinic.staff for select to clinic_user using ((select clinic.who()) = person);
-- change: the helper asks in another way
-- effect: none
create or replace function clinic.works_in(w uuid) returns boolean language sql stable security definer set search_path = ''
  as $$ select count(*) > 0 from clinic.staff s where s.person = clinic.who() and s.ward = w $$;
-- change: two roles, two policies
-- effect: none
drop policy wards_read on clinic.wards;
create policy wards_user on clinic.wards for select to clinic_user using (public or clinic.works_in(id));
create policy wards_guest on clinic.wards for select to clinic_guest using (public or clinic.works_in(id));
-- change: claims by jsonb
-- effect: none
create or replace function clinic.who() returns uuid language sql stable
  as $$ select (current_setting('request.jwt.claims', true)::jsonb ->> 'sub')::uuid $$;
-- change: a write policy for each command
-- effect: none
drop policy notes_write on clinic.notes;
create policy notes_mine on clinic.notes for select to clinic_user using (author = (select clinic.who()));
create policy notes_update on clinic.notes for update to clinic_user
  using (author = (select clinic.who())) with check (author = (select clinic.who()));
create policy notes_delete on clinic.notes for delete to clinic_user using (author = (select clinic.who()));
-- change: a column with a default, an index and a trigger
-- effect: none
alter table clinic.patients add column created_at timestamptz not null default now();
create index patients_vip on clinic.patients (vip);
create function clinic.touch() returns trigger language plpgsql as $$ begin new.created_at := now(); return new; end $$;
create trigger touch before update on clinic.patients for each row execute function clinic.touch();
-- change: a constant that says the same
-- effect: none
alter policy wards_read on clinic.wards using (public is true or clinic.works_in(id));
-- change: one more row that belongs to nobody here
-- effect: none
insert into clinic.staff values ('00000000-0000-4000-8000-000000000009', '00000000-0000-4000-8000-000000000104', false);
-- change: patients of every ward
-- effect: eve +10 SELECT clinic.patients patients_ward
-- effect: eve +14 SELECT clinic.notes notes_read
-- effect: fay +15 SELECT clinic.patients patients_ward
-- effect: fay +17 SELECT clinic.notes notes_read
-- effect: no claims (clinic_user) +20 SELECT clinic.patients patients_ward
-- effect: no claims (clinic_user) +36 SELECT clinic.notes notes_read
alter policy patients_ward on clinic.patients using (true);
-- change: very important people as everybody
-- effect: eve +1 SELECT clinic.notes notes_read
-- effect: eve +1 SELECT clinic.patients patients_ward
-- effect: fay +1 SELECT clinic.patients patients_ward
drop policy patients_vip on clinic.patients;
-- change: guests see every ward
-- effect: guest +3 SELECT clinic.wards wards_guests
create policy wards_guests on clinic.wards for select to clinic_guest using (true);
-- change: drafts of others
-- effect: eve +2 SELECT clinic.notes notes_read
alter policy notes_read on clinic.notes using (author = (select clinic.who()) or exists (select from clinic.patients p where p.id = patient));
-- change: fay works in the fourth ward
-- effect: fay +5 SELECT clinic.notes notes_read
-- effect: fay +5 SELECT clinic.patients patients_ward
insert into clinic.staff values ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-000000000104', false);
-- change: a helper that answers everybody
-- effect: eve +1 SELECT clinic.wards wards_read
-- effect: fay +2 SELECT clinic.wards wards_read
-- effect: guest +3 SELECT clinic.wards wards_read
-- effect: no claims (clinic_user) +3 SELECT clinic.wards wards_read
create or replace function clinic.works_in(w uuid) returns boolean language sql stable security definer set search_path = ''
  as $$ select true $$;
-- change: a member with privileges past the policies
-- effect: not compared: alter role clinic_user bypassrls
alter role clinic_user bypassrls;
-- change: notes of others can be changed
-- effect: eve +32 UPDATE clinic.notes notes_all
-- effect: fay +32 UPDATE clinic.notes notes_all
-- effect: no claims (clinic_user) +48 UPDATE clinic.notes notes_all
create policy notes_all on clinic.notes for update to clinic_user using (true) with check (author = (select clinic.who()));
-- change: staff is not readable, and what reads it fails
-- effect: eve -11 SELECT clinic.patients patients_ward
-- effect: eve -2 SELECT clinic.staff staff_own
-- effect: eve -28 SELECT clinic.notes notes_read notes_write
-- effect: fay -1 SELECT clinic.staff staff_own
-- effect: fay -24 SELECT clinic.notes notes_read notes_write
-- effect: fay -5 SELECT clinic.patients patients_ward
revoke select on clinic.staff from clinic_user;
-- change: what a note says is nobody's to change
-- effect: eve -16 CHANGE clinic.notes notes_write
-- effect: eve -16 UPDATE clinic.notes notes_write
-- effect: fay -16 CHANGE clinic.notes notes_write
-- effect: fay -16 UPDATE clinic.notes notes_write
revoke update on clinic.notes from clinic_user;
