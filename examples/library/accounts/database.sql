-- An application: people, and their notes. Names and types are yours; people have a uuid.
create table public.users (
  id uuid primary key default gen_random_uuid(),
  email text not null unique,
  name text not null
);
create table public.notes (
  id bigint generated always as identity primary key,
  user_id uuid not null default auth.uid() references public.users on delete cascade,
  text text not null
);
create index on public.notes (user_id);
alter table public.users enable row level security, force row level security;
alter table public.notes enable row level security, force row level security;

-- Everybody sees and writes what is theirs.
grant select on public.users to authenticated;
create policy own on public.users for select to authenticated using (id = (select auth.uid()));
grant select, insert (text) on public.notes to authenticated;
create policy own on public.notes to authenticated using (user_id = (select auth.uid()));

-- What `people` in issuer.ts reads and writes: the issuer logs in as rowpass_issuer, which may nothing else.
grant select (id, email), insert (email, name) on public.users to rowpass_issuer;
create policy issuer_reads on public.users for select to rowpass_issuer using (true);
create policy issuer_adds on public.users for insert to rowpass_issuer with check (true);
