-- Has a database count the transactions that change its schema; run by whoever may make event triggers, as a step of
-- `rowpass db harden`, in a database that has none of this.
--
-- All of it belongs to the role that makes the event triggers, in a schema of its own: a superuser's trigger must not run
-- a function, nor write into a table, that the owner of the database could replace by another.

create schema rowpass_ddl;
revoke all on schema rowpass_ddl from public;

create table rowpass_ddl.changes (id uuid primary key default gen_random_uuid(), n bigint not null);
revoke all on rowpass_ddl.changes from public;
insert into rowpass_ddl.changes (n) values (1);

-- Never waits for another transaction and never fails one: it takes only rows that nobody holds, and where a snapshot is
-- older than the rows it adds one without looking. The sum goes up by one or more with each transaction that commits.
--
-- What changes no type is not counted: comments, grants but those of schemas, which decide what a name stands for, and
-- all that is temporary.
create function rowpass_ddl.count_change() returns event_trigger
  language plpgsql security definer
  set search_path = pg_catalog, pg_temp
as $$
declare
  own constant xid := pg_current_xact_id()::xid;
begin
  if tg_event = 'sql_drop' then
    if not exists (select from pg_event_trigger_dropped_objects() where original and not is_temporary) then
      return;
    end if;
  elsif tg_tag in ('COMMENT', 'SECURITY LABEL', 'REINDEX', 'REFRESH MATERIALIZED VIEW', 'ALTER DEFAULT PRIVILEGES') then
    return;
  elsif tg_tag not in ('DROP OWNED', 'REASSIGN OWNED') and not exists (
    select from pg_event_trigger_ddl_commands() as c
     where c.schema_name is distinct from 'pg_temp'
       and (tg_tag not in ('GRANT', 'REVOKE') or c.object_type = 'SCHEMA')
  ) then
    return;
  end if;
  -- Without the table a gateway cannot read the count either, and keeps nothing.
  if to_regclass('rowpass_ddl.changes') is null then
    return;
  end if;
  if current_setting('transaction_isolation') not in ('read committed', 'read uncommitted') then
    insert into rowpass_ddl.changes (n) values (1);
  elsif not exists (select from rowpass_ddl.changes where xmin = own) then
    with folded as (
      delete from rowpass_ddl.changes
       where id = any (array(select id from rowpass_ddl.changes limit 100 for update skip locked))
      returning n
    )
    insert into rowpass_ddl.changes (n) select 1 + coalesce(sum(n), 0) from folded;
  end if;
end
$$;
revoke all on function rowpass_ddl.count_change() from public;

-- Every role of a token asks, in its own name.
grant usage on schema rowpass_ddl to public;
-- The whole table, or pg_dump by the owner of the database fails.
grant select on rowpass_ddl.changes to public;

create event trigger rowpass_ddl_end on ddl_command_end execute function rowpass_ddl.count_change();
create event trigger rowpass_ddl_drop on sql_drop execute function rowpass_ddl.count_change();
-- Also where session_replication_role is set, as pg_restore and replication tools do.
alter event trigger rowpass_ddl_end enable always;
alter event trigger rowpass_ddl_drop enable always
