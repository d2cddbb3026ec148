-- expect: none
create function app.viewer() returns uuid language plpgsql stable as $$
begin
  return (nullif(current_setting('request.jwt.claims', true), '')::jsonb ->> 'sub')::uuid;
end $$;
create table notes (id uuid primary key);
alter table notes enable row level security;
create policy notes_read on notes for select to authenticated using (id = (select app.viewer()));
grant select on notes to authenticated;
