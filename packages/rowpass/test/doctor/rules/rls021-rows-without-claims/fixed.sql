-- expect: none
-- It says nobody instead.
create function app.owner() returns text language plpgsql stable as $$
  begin
    if app.claims() is null then
      return null;
    end if;
    return app.claims() ->> 'sub';
  end $$;
create table notes (id uuid primary key, owner_id text not null);
create index on notes (owner_id);
insert into notes values (gen_random_uuid(), 'guest');
alter table notes enable row level security;
create policy notes_read on notes for select to anonymous using (owner_id = (select app.owner()));
grant select on notes to anonymous;
