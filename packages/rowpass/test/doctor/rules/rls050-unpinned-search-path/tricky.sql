-- expect: RLS050:app.stamp()
-- mine: no path, and none needed, as its names are resolved. secret: nobody may call it. stamp: nobody may call it
-- either, and a trigger does, whoever writes.
create table notes (id uuid primary key, owner text);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.user_id()));
grant select on notes to authenticated;
create function app.mine() returns bigint language sql stable security definer
  begin atomic
    select count(*) from public.notes where id = app.user_id();
  end;
revoke execute on function app.mine() from public;
grant execute on function app.mine() to authenticated;
create function app.secret() returns bigint language sql stable security definer as 'select count(*) from public.notes';
revoke execute on function app.secret() from public;
create function app.stamp() returns trigger language plpgsql security definer as $$
begin new.owner := app.user_id(); return new; end $$;
revoke execute on function app.stamp() from public;
create trigger stamp before insert on notes for each row execute function app.stamp();
