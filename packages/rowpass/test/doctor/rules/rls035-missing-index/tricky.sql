-- expect: RLS035:public.files:owner_id (info)
-- notes: one condition of two has an index, and that is enough. files: the column is in an index, and not at its start,
-- and there is one that holds a part of the rows only.
create table notes (id uuid primary key, owner_id uuid not null, tenant_id uuid not null);
create index on notes (tenant_id);
create table files (id uuid, owner_id uuid, gone boolean, primary key (id, owner_id));
create index on files (owner_id) where not gone;
alter table notes enable row level security;
alter table files enable row level security;
create policy notes_read on notes for select to authenticated
  using (owner_id = (select app.user_id()) and tenant_id = (select app.tenant_id()));
create policy files_read on files for select to authenticated using (owner_id = (select app.user_id()));
grant select on notes, files to authenticated;
-- A partial index whose condition the policy implies: only the plan tells.
create table parts (id uuid primary key, owner_id uuid);
create index on parts (owner_id) where owner_id is not null;
alter table parts enable row level security;
create policy parts_read on parts for select to authenticated using (owner_id = (select app.user_id()));
grant select on parts to authenticated;
-- The policy itself says what the partial index is for.
create table letters (id uuid primary key, owner_id uuid, sent boolean);
create index on letters (owner_id) where not sent;
alter table letters enable row level security;
create policy letters_read on letters for select to authenticated
  using (owner_id = (select app.user_id()) and not sent);
grant select on letters to authenticated;
