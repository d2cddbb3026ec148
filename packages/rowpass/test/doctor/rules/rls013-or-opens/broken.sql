-- expect: RLS013:public.bills:bills_long (error) | RLS013:public.bills:bills_open (error) | RLS013:public.bills:bills_signed_in (error) | RLS013:public.deals:"Deals open" (error) | RLS013:public.files:files_shared (warning) | RLS013:public.notes:notes_debug | RLS013:public.pages:pages_published (info) | RLS041:public.deals:deals_org
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create policy notes_debug on notes for select to authenticated using (true);
create table files (id uuid primary key, tenant_id uuid not null, owner_id uuid not null, shared boolean);
create index on files (tenant_id, owner_id);
alter table files enable row level security;
create policy files_own on files for select to authenticated
  using (tenant_id = (select app.tenant_id()) and owner_id = (select app.user_id()));
create policy files_shared on files for select to authenticated using (shared);
grant select on files to authenticated;
-- Whatever is said of the row alone is true of rows of other tenants too, and so is that there is somebody.
create table bills (id bigint generated always as identity primary key, org integer not null, state text);
create index on bills (org);
alter table bills enable row level security;
create policy bills_org on bills to authenticated using (org = (select (app.claims() ->> 'org')::integer));
create policy bills_open on bills for select to authenticated using (state = 'open');
create policy bills_long on bills for select to authenticated using (char_length(state) > 2);
create policy bills_signed_in on bills for select to authenticated using ((select app.user_id()) is not null);
grant select on bills to authenticated;
-- Tenants by membership, and the other policy for a role that the first one's is a member of.
create table members (org integer, person uuid, primary key (person, org));
alter table members enable row level security;
create policy members_own on members for select to authenticated using (person = (select app.user_id()));
grant select on members to authenticated;
create role doctor_staff;
grant doctor_staff to authenticated;
create table deals (id bigint generated always as identity primary key, org integer not null, closes date);
create index on deals (org);
alter table deals enable row level security;
create policy deals_org on deals for select to authenticated
  using (org = any (array(select m.org from members m where m.person = (select app.user_id()))));
create policy "Deals open" on deals for select to doctor_staff using (closes > current_date);
grant select on deals to authenticated;
-- Words that say it is for everybody: only worth knowing.
create table pages (id bigint generated always as identity primary key, org integer not null, published boolean);
create index on pages (org);
alter table pages enable row level security;
create policy pages_org on pages to authenticated using (org = (select (app.claims() ->> 'org')::integer));
create policy pages_published on pages for select to authenticated using (published);
grant select on pages to authenticated;
