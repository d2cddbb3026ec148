-- expect: RLS027:app.by_name():members (warning) | RLS027:app.cur_org():pg_temp.ctx (error) | RLS027:app.session_org():session_context (error)
create function app.cur_org() returns integer language plpgsql stable as $$
declare o integer;
begin
  select org into o from pg_temp.ctx;
  return o;
end $$;
create function app.session_org() returns integer language plpgsql stable as $$
begin return (select org from session_context); end $$;
create table members (person uuid, org integer, primary key (person, org));
create index on members (org);
alter table members enable row level security;
create policy members_own on members for select to authenticated using (person = (select app.user_id()));
grant select on members to authenticated;
create function app.by_name() returns integer language sql stable
  as 'select max(org) from members where person = app.user_id()';
create table notes (id uuid primary key, org integer not null);
create index on notes (org);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (org = (select app.cur_org()));
grant select on notes to authenticated;
create table files (id uuid primary key, org integer not null);
create index on files (org);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (org = (select app.by_name()));
grant select on files to authenticated;
create table pages (id uuid primary key, org integer not null);
create index on pages (org);
alter table pages enable row level security;
create policy pages_read on pages for select to authenticated using (org = (select app.session_org()));
grant select on pages to authenticated;
