-- Objects that have nothing to do with a finding: sorted before and after everything else, of another role of requests, and
-- of each owner that there is. No key of a finding may change by them.
create role aaa_reader;
create role zzz_reader;
create schema aaa;
create schema zzz;
grant usage on schema aaa, zzz to aaa_reader, zzz_reader;
create table aaa.first (id uuid primary key, tenant_id uuid, kind text);
create table zzz.last (id uuid primary key, tenant_id uuid, kind text, first uuid references aaa.first on delete cascade);
create index on aaa.first (tenant_id);
create index on zzz.last (tenant_id);
alter table aaa.first enable row level security;
alter table zzz.last enable row level security;
create policy aaa on aaa.first for select to aaa_reader using (id = (select app.user_id()));
create policy zzz on zzz.last for select to zzz_reader using (id = (select app.user_id()));
grant select on aaa.first to aaa_reader, zzz_reader;
grant select on zzz.last to aaa_reader, zzz_reader;
create function aaa.now_and_then() returns text language sql stable return 'x';
do $$
declare owner name;
begin
  for owner in select distinct pg_get_userbyid(relowner) from pg_class c join pg_roles r on r.oid = c.relowner
    where c.relrowsecurity and not r.rolsuper
  loop
    execute format('create table aaa.%1$I (id uuid primary key); create table zzz.%1$I (id uuid primary key);
      alter table aaa.%1$I enable row level security; alter table zzz.%1$I enable row level security;
      create policy own on aaa.%1$I for select to aaa_reader using (id = (select app.user_id()));
      create policy own on zzz.%1$I for select to aaa_reader using (id = (select app.user_id()));
      grant create on schema aaa, zzz to %1$I; alter table aaa.%1$I owner to %1$I; alter table zzz.%1$I owner to %1$I;
      revoke create on schema aaa, zzz from %1$I', owner);
  end loop;
end $$;
-- Another role of requests on every table that there is.
do $$
declare place text;
begin
  for place in select c.oid::regclass::text from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where c.relkind in ('r', 'p') and c.relrowsecurity and n.nspname = 'public'
  loop
    execute format('create policy aaa_other on %s as restrictive for select to aaa_reader using (false)', place);
    execute format('grant select on %s to aaa_reader', place);
  end loop;
end $$;
