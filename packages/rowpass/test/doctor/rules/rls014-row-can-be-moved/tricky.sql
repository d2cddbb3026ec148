-- expect: RLS014:public.notes:notes_update | RLS014:public.unclear:unclear_update (warning) | RLS014:public.loose:loose_update | RLS014:public.escapes:escapes_update
-- There is no WITH CHECK at all, and USING holds in its place; but it holds the owner, and not the tenant that shows the
-- row to others. On files the same is fine, as the column is not granted; on pages a restrictive policy holds it.
create table notes (id uuid primary key default gen_random_uuid(), owner_id uuid not null, tenant_id uuid not null, body text);
create index on notes (owner_id);
create index on notes (tenant_id);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy notes_update on notes for update to authenticated using (owner_id = (select app.user_id()));
grant select, update on notes to authenticated;
create table files (like notes including all);
alter table files enable row level security;
create policy files_read on files for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy files_update on files for update to authenticated using (owner_id = (select app.user_id()));
grant select, update (body) on files to authenticated;
create table pages (like notes including all);
alter table pages enable row level security;
create policy pages_read on pages for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy pages_update on pages for update to authenticated using (owner_id = (select app.user_id()));
create policy pages_tenant on pages as restrictive to authenticated using (tenant_id = (select app.tenant_id()));
grant select, update on pages to authenticated;
-- Columns that something else holds: an identity, a key that carries the tenant of a row that stays, a trigger.
create function app.number() returns bigint language sql stable return (app.claims() ->> 'number')::bigint;
create table counted (number bigint generated always as identity primary key, owner_id uuid not null, body text);
alter table counted enable row level security;
create policy counted_read on counted for select to authenticated
  using (number = (select app.number()));
create policy counted_update on counted for update to authenticated
  using (number = (select app.number())) with check (body <> '');
grant select, update on counted to authenticated;
create table orgs_notes (id uuid primary key, tenant_id uuid not null, unique (tenant_id, id));
create table replies (id uuid primary key default gen_random_uuid(), note uuid not null, tenant_id uuid not null, body text,
  foreign key (tenant_id, note) references orgs_notes (tenant_id, id));
create index on replies (tenant_id);
alter table replies enable row level security;
create policy replies_read on replies for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy replies_update on replies for update to authenticated
  using (tenant_id = (select app.tenant_id())) with check (body <> '');
grant select, update (tenant_id, body) on replies to authenticated;
-- The same key where both columns may be changed together.
create table loose (like replies including all, foreign key (tenant_id, note) references orgs_notes (tenant_id, id));
alter table loose enable row level security;
create policy loose_read on loose for select to authenticated using (tenant_id = (select app.tenant_id()));
create policy loose_update on loose for update to authenticated
  using (tenant_id = (select app.tenant_id())) with check (body <> '');
grant select, update on loose to authenticated;
create function app.refuse() returns trigger language plpgsql as $$
begin
  if tg_op = 'UPDATE' and new.tenant_id is distinct from old.tenant_id then
    raise exception 'the tenant stays';
  end if;
  return new;
end $$;
create function app.put_back() returns trigger language plpgsql as $$
begin
  new.tenant_id := old.tenant_id;
  return new;
end $$;
create function app.refuse_always() returns trigger language plpgsql as $$ begin raise exception 'no'; end $$;
create function app.refuse_some() returns trigger language plpgsql as $$
begin
  if new.body = 'free' then return new; end if;
  if new.tenant_id <> old.tenant_id then raise exception 'the tenant stays'; end if;
  return new;
end $$;
create function app.look_up() returns trigger language plpgsql as $$
begin
  perform set_config('app.seen', new.tenant_id::text, true);
  return new;
end $$;
do $$
declare made text[];
begin
  foreach made slice 1 in array array[
    ['refused', 'before update', 'app.refuse()'], ['put_back', 'before insert or update', 'app.put_back()'],
    ['conditional', 'before update of tenant_id', 'app.refuse_always()'],
    ['escapes', 'before update', 'app.refuse_some()'], ['unclear', 'before update', 'app.look_up()']]
  loop
    execute format('create table %1$I (id uuid primary key, tenant_id uuid not null, body text);
      create index on %1$I (tenant_id); alter table %1$I enable row level security;
      create policy %1$s_read on %1$I for select to authenticated using (tenant_id = (select app.tenant_id()));
      create policy %1$s_update on %1$I for update to authenticated
        using (tenant_id = (select app.tenant_id())) with check (body <> '''');
      grant select, update on %1$I to authenticated;
      create trigger hold %2$s on %1$I for each row %4$s execute function %3$s', made[1], made[2], made[3],
      case made[1] when 'conditional' then 'when (old.tenant_id is distinct from new.tenant_id)' else '' end);
  end loop;
end $$;
