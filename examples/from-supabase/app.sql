-- The tables of an application, as the quick starts have them.
create table public.todos (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null,
  title text not null,
  done boolean not null default false
);
alter table public.todos enable row level security;
create policy "See own todos" on public.todos for select using (auth.uid() = user_id);
create policy "Add own todos" on public.todos for insert with check (auth.uid() = user_id);
create policy "Change own todos" on public.todos for update using (auth.uid() = user_id);

create view public.todo_counts as
  select user_id, count(*) filter (where not done) as open, count(*) as all_of_them
    from public.todos group by user_id;

grant select, insert, update, delete on public.todos to anon, authenticated, service_role;
grant select on public.todo_counts to anon, authenticated, service_role;
