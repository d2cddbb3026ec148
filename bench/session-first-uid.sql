-- The first form of the subject as uuid, beside session-first-form.sql.
create function $schema.uid() returns uuid
  language plpgsql stable parallel safe
  set search_path = pg_catalog, pg_temp
as $$
declare
  subject constant text := $schema.session()->>'sub';
begin
  if subject ~ '^[0-9A-Fa-f]{8}(-[0-9A-Fa-f]{4}){3}-[0-9A-Fa-f]{12}$' then
    return subject::uuid;
  end if;
  return null;
end
$$;
