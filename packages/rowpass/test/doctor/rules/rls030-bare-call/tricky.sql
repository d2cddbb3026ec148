-- expect: RLS030:public.notes:notes_read | RLS030:public.plain:plain_read | RLS030:public.served:served_read (info)
-- One call is wrapped and the other is not, deep inside of an expression that needs no column; a bare current_setting is info.
create table notes (id uuid primary key, kind text, tags text[], hidden boolean);
alter table notes enable row level security;
grant select on notes to authenticated;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()) and (app.claims() ->> 'role') = 'reader' and kind <> 'a(b''c');
create table plain (id text primary key);
alter table plain enable row level security;
create policy plain_read on plain for select to authenticated using (id = current_setting('app.user', true));
-- The index is asked by what the call gives: once.
create table served (id uuid primary key, tenant_id uuid);
create index on served (tenant_id);
alter table served enable row level security;
create policy served_read on served for select to authenticated using (tenant_id = app.tenant_id());
grant select on served to authenticated;
