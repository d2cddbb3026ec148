-- What pg_dump --schema=public --no-owner gives of the repaired database, made shorter.
create table public.todos (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  title text not null,
  done boolean not null default false
);
create index todos_user_id_idx on public.todos (user_id);
alter table public.todos enable row level security;
create policy "See own todos" on public.todos for select to authenticated using ((select auth.uid()) = user_id);
create policy "Add own todos" on public.todos for insert to authenticated with check ((select auth.uid()) = user_id);
create policy "Change own todos" on public.todos for update to authenticated using ((select auth.uid()) = user_id);

create view public.todo_counts with (security_invoker = true) as
  select user_id, count(*) filter (where not done) as open, count(*) as all_of_them
    from public.todos group by user_id;

grant usage on schema public to authenticated;
grant select, insert, update on public.todos to authenticated;
grant select on public.todo_counts to authenticated;
