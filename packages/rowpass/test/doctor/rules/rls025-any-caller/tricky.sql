-- expect: none
-- Of countries there is one list for all tenants; a restrictive policy keeps those of files apart; an administrator is more
-- than anybody.
create table notes (id bigint generated always as identity primary key, org integer not null);
create index on notes (org);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (org = (select (app.claims() ->> 'org')::integer));
grant select on notes to authenticated;
create table countries (id bigint generated always as identity primary key, name text not null);
alter table countries enable row level security;
create policy countries_read on countries for select to authenticated using ((select app.user_id()) is not null);
grant select on countries to authenticated;
create table files (id bigint generated always as identity primary key, org integer not null);
create index on files (org);
alter table files enable row level security;
create policy files_read on files for select to authenticated using ((select app.user_id()) is not null);
create policy files_org on files as restrictive to authenticated using (org = (select (app.claims() ->> 'org')::integer));
grant select on files to authenticated;
create table invoices (id bigint generated always as identity primary key, org integer not null);
alter table invoices enable row level security;
create policy invoices_read on invoices for select to authenticated using ((select app.claims() ->> 'role') = 'admin');
grant select on invoices to authenticated;
-- Who has more than a number, or is another than a guest, is not anybody.
create table reports (id bigint generated always as identity primary key, org integer not null);
alter table reports enable row level security;
create policy reports_read on reports for select to authenticated using ((select (app.claims() ->> 'level')::integer) > 4);
create policy reports_staff on reports for select to authenticated using ((select app.claims() ->> 'role') <> 'guest');
grant select on reports to authenticated;
