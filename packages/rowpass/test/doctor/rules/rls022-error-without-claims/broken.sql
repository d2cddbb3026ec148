-- expect: RLS022:public.notes:authenticated
-- The cast is not of the setting itself: the text goes through a variable first.
create function app.owner() returns uuid language plpgsql stable as $$
  declare
    subject text := coalesce(nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub', '');
  begin
    return subject::uuid;
  end $$;
create table notes (id uuid primary key, owner_id uuid not null);
create index on notes (owner_id);
insert into notes values (gen_random_uuid(), gen_random_uuid());
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (owner_id = (select app.owner()));
grant select on notes to authenticated;
