-- sound: The trigger for new accounts writes the profile of the account that was made.
-- shape: teams
-- shown: 42501

-- [both]
create function public.handle_new_user() returns trigger language plpgsql security definer set search_path = '' as $$
begin
  insert into public.profiles (id, nick) values (new.id, 'new');
  return new;
end $$;
revoke execute on function public.handle_new_user() from public, anon, authenticated;
reset role;
create trigger on_auth_user_created after insert on auth.users for each row execute function public.handle_new_user();

-- [proof]
-- as: ann
select public.handle_new_user();
select true as shown;
