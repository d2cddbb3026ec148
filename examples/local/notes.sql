create table notes (owner text not null default auth.user_id(), text text not null);
alter table notes enable row level security;
alter table notes force row level security;
create policy own on notes to authenticated
  using (owner = (select auth.user_id())) with check (owner = (select auth.user_id()));
grant select, insert on notes to authenticated;
