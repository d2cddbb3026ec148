-- expect: none
create table members (person uuid, org integer, primary key (person, org));
create index on members (org);
alter table members enable row level security;
create policy members_own on members for select to authenticated using (person = (select app.user_id()));
grant select on members to authenticated;
create function app.by_name() returns integer language sql stable
  as 'select max(org) from public.members where person = app.user_id()';
create table files (id uuid primary key, org integer not null);
create index on files (org);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (org = (select app.by_name()));
grant select on files to authenticated;
