-- expect: RLS015:public.files:files_insert
-- notes: the tenant is not checked and cannot be chosen, being a default without a grant. files: it is checked in one of
-- two branches.
create table notes (id uuid primary key default gen_random_uuid(), owner_id uuid not null, tenant_id uuid not null, body text);
create index on notes (owner_id);
create index on notes (tenant_id);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (tenant_id = (select app.tenant_id()));
alter table notes alter tenant_id set default app.tenant_id();
create policy notes_insert on notes for insert to authenticated with check (owner_id = (select app.user_id()));
grant select, insert (owner_id, body) on notes to authenticated;
create table files (like notes including all);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy files_insert on files for insert to authenticated
  with check (tenant_id = (select app.tenant_id()) or body = 'draft');
grant select, insert (tenant_id, body) on files to authenticated;
-- A trigger writes the tenant of whoever inserts; another refuses any other; a key of two columns carries it.
create function app.own_tenant() returns trigger language plpgsql as $$
begin new.tenant_id := app.tenant_id(); return new; end $$;
create function app.only_own_tenant() returns trigger language plpgsql as $$
begin if new.tenant_id is distinct from app.tenant_id() then raise exception 'no'; end if; return new; end $$;
create table stamped (like notes including all);
create table checked (like notes including all);
create trigger stamp before insert on stamped for each row execute function app.own_tenant();
create trigger check_tenant before insert on checked for each row execute function app.only_own_tenant();
alter table stamped enable row level security;
alter table checked enable row level security;
create policy stamped_read on stamped for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy stamped_insert on stamped for insert to authenticated with check (body <> '');
create policy checked_read on checked for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy checked_insert on checked for insert to authenticated with check (body <> '');
grant select, insert on stamped, checked to authenticated;
create table parents (id uuid primary key, tenant_id uuid not null, unique (tenant_id, id));
create table replies (id uuid primary key default gen_random_uuid(), note uuid not null, tenant_id uuid not null, body text,
  foreign key (tenant_id, note) references parents (tenant_id, id));
create index on replies (tenant_id);
alter table replies enable row level security;
create policy replies_read on replies for select to authenticated
  using (tenant_id = (select app.tenant_id()) and note = (select app.user_id()));
create policy replies_insert on replies for insert to authenticated with check (note = (select app.user_id()));
grant select, insert on replies to authenticated;
