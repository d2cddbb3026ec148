-- sound: PL/pgSQL reads a row into a variable of an enum.
-- shape: desk
-- shown: false

-- [both]
create type desk.kind as enum ('note', 'task');
alter table desk.notes add column kind desk.kind not null default 'note';
create function desk.kind_of(wanted bigint) returns text language plpgsql stable security definer set search_path = '' as $$
declare o integer; k desk.kind;
begin
  select n.org, n.kind into o, k from desk.notes n where n.id = wanted and n.org = desk.org();
  return k;
end $$;
revoke execute on function desk.kind_of(bigint) from public;
grant execute on function desk.kind_of(bigint) to desk_user;

-- [proof]
set local role desk_boss;
select set_config('proof.id', id::text, true) from desk.notes where org = 20 limit 1;
-- as: ann
select desk.kind_of(current_setting('proof.id')::bigint) is not null as shown;
