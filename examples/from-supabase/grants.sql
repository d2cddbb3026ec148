begin;
-- Grants are not in the policies, and "all" holds TRUNCATE and TRIGGER, which ask no policy: what the application needs.
alter default privileges in schema public revoke all on tables from anon, authenticated;
revoke all on public.todos, public.todo_counts from anon, authenticated;
grant select, insert, update on public.todos to authenticated;
grant select on public.todo_counts to authenticated;
commit;
