-- expect: RLS041:public.photos:photos_shared
-- Two policies joined by OR, as they should be: one's own rows, and those that are published.
create table notes (id uuid primary key, published boolean);
alter table notes enable row level security;
create policy notes_own on notes for select to authenticated using (id = (select app.user_id()));
create policy notes_published on notes for select to authenticated using (published);
grant select on notes to authenticated;
-- One's own ones of any tenant, those of no tenant, those of the administrators, and those of the other role.
create table bills (id bigint generated always as identity primary key, org integer, author uuid, state text);
create index on bills (org);
create index on bills (author);
alter table bills enable row level security;
create policy bills_org on bills to authenticated using (org = (select (app.claims() ->> 'org')::integer));
create policy bills_own on bills for select to authenticated using (author = (select app.user_id()));
create policy bills_nobodys on bills for select to authenticated using (org is null and state = 'open');
create policy bills_admin on bills for select to authenticated using ((select app.claims() ->> 'role') = 'admin');
create policy bills_anonymous on bills for select to anonymous using (state = 'open');
grant select on bills to authenticated, anonymous;
-- A restrictive policy holds the tenant.
create table deals (id bigint generated always as identity primary key, org integer not null, state text);
create index on deals (org);
alter table deals enable row level security;
create policy deals_org on deals to authenticated using (org = (select (app.claims() ->> 'org')::integer));
create policy deals_kept on deals as restrictive to authenticated using (org = (select (app.claims() ->> 'org')::integer));
create policy deals_open on deals for select to authenticated using (state = 'open');
grant select on deals to authenticated;
-- A list of what others have shared is none of tenants.
create table shares (photo bigint, person uuid, primary key (person, photo));
alter table shares enable row level security;
create policy shares_own on shares for select to authenticated using (person = (select app.user_id()));
grant select on shares to authenticated;
create table photos (id bigint primary key, state text);
alter table photos enable row level security;
create policy photos_shared on photos for select to authenticated
  using (id = any (array(select s.photo from shares s where s.person = (select app.user_id()))));
create policy photos_open on photos for select to authenticated using (state = 'open');
grant select on photos to authenticated;
