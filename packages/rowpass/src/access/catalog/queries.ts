/**
 * The queries of one reading of the catalogs. Each column is named like the field it fills.
 * They run with an empty search_path, so that PostgreSQL qualifies each name that it writes.
 */

const own =
  "n.nspname not in ('pg_catalog', 'information_schema', 'pg_toast', 'rowpass_ddl') and n.nspname not like 'pg\\_temp\\_%'"

/** A privilege list as JSON; none where it is the default, which gives tables to their owner alone. */
const grants = (acl: string): string => `
  coalesce((select jsonb_agg(jsonb_build_object('grantee', a.grantee::int8, 'privilege', a.privilege_type))
     from aclexplode(${acl}) a), '[]')`

const fromExtension = (catalog: string, oid: string): string => `
  exists (select from pg_depend e where e.classid = '${catalog}'::regclass and e.objid = ${oid} and e.deptype = 'e')`

/** Which relations or functions something depends on, as a CTE: one pass over pg_depend for all. */
const uses = (name: string, catalog: string, target: string): string => `
  ${name} as (
    select objid, jsonb_agg(distinct refobjid::int8) as oids from pg_depend
     where classid = '${catalog}'::regclass and refclassid = '${target}'::regclass and deptype in ('n', 'i')
     group by objid)`

/** The database and who asks. */
export const databaseSql = `
  select current_setting('server_version_num')::int as version, d.datname as name, quote_ident(d.datname) as sql,
         ${grants("coalesce(d.datacl, acldefault('d', d.datdba))")} as grants,
         (select oid::int8 from pg_roles where rolname = current_user)::float8 as reader
    from pg_database d where d.datname = current_database()`

/** Roles with their direct memberships; before version 16 INHERIT belongs to the role, and SET is for every member. */
export const rolesSql = `
  select r.oid, r.rolname as name, quote_ident(r.rolname) as sql, r.rolcanlogin as login, r.rolsuper as superuser,
         r.rolbypassrls as "bypassRls", r.rolcreaterole as "createRole", r.rolreplication as replication,
         coalesce((select jsonb_agg(jsonb_build_object(
             'role', m.roleid::int8,
             'inherit', coalesce((to_jsonb(m)->>'inherit_option')::boolean, r.rolinherit),
             'set', coalesce((to_jsonb(m)->>'set_option')::boolean, true)))
           from pg_auth_members m where m.member = r.oid), '[]') as memberships
    from pg_roles r order by r.rolname`

export const schemasSql = `
  select n.oid, n.nspname as name, quote_ident(n.nspname) as sql, n.nspowner as owner, ${grants('n.nspacl')} as grants
    from pg_namespace n where ${own} order by n.nspname`

export const relationsSql = `
  with ${uses('reads', 'pg_rewrite', 'pg_class')}, ${uses('calls', 'pg_rewrite', 'pg_proc')}
  select c.oid, n.nspname as schema, c.relname as name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as sql,
         case c.relkind when 'r' then 'table' when 'p' then 'partitioned' when 'v' then 'view'
           when 'm' then 'matview' else 'foreign' end as kind,
         c.relowner as owner, c.relrowsecurity as rls, c.relforcerowsecurity as force, c.reltuples::float8 as rows,
         coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o
            where o.option_name = 'security_invoker'), false) as "securityInvoker",
         coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o
            where o.option_name = 'security_barrier'), false) as "securityBarrier",
         ${fromExtension('pg_class', 'c.oid')} as extension,
         ${grants('c.relacl')} as grants,
         coalesce((select jsonb_agg(i.inhparent::int8) from pg_inherits i where i.inhrelid = c.oid), '[]') as parents,
         coalesce(reads.oids, '[]') as reads, coalesce(calls.oids, '[]') as calls,
         case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_rewrite w on w.ev_class = c.oid and w.rulename = '_RETURN'
    left join reads on reads.objid = w.oid left join calls on calls.objid = w.oid
   where c.relkind in ('r', 'p', 'v', 'm', 'f') and ${own}
   order by n.nspname, c.relname`

export const columnsSql = `
  select a.attrelid as relation, a.attnum as number, a.attname as name, quote_ident(a.attname) as sql,
         format_type(coalesce(nullif(t.typbasetype, 0), a.atttypid), null) as type, a.attnotnull as "notNull",
         case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' end as generated,
         case a.attidentity when 'a' then 'always' when 'd' then 'default' end as identity,
         a.atthasdef as "hasDefault", pg_get_expr(d.adbin, d.adrelid) as expression, ${grants('a.attacl')} as grants
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_type t on t.oid = a.atttypid
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
   where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f') and ${own}
   order by a.attrelid, a.attnum`

export const policiesSql = `
  with ${uses('calls', 'pg_policy', 'pg_proc')}, ${uses('reads', 'pg_policy', 'pg_class')}
  select p.polrelid as relation, p.polname as name, quote_ident(p.polname) as sql, p.polpermissive as permissive,
         case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
           else 'all' end as command,
         (select jsonb_agg(r::int8) from unnest(p.polroles) r) as roles,
         pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check,
         coalesce(calls.oids, '[]') as calls, coalesce(reads.oids, '[]') as reads
    from pg_policy p left join calls on calls.objid = p.oid left join reads on reads.objid = p.oid
   order by p.polrelid, p.polname`

export const routinesSql = `
  with ${uses('calls', 'pg_proc', 'pg_proc')}, ${uses('reads', 'pg_proc', 'pg_class')}
  select p.oid, n.nspname as schema, p.proname as name,
         format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) as sql,
         case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end as kind,
         p.proowner as owner, l.lanname as language,
         case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
         p.prosecdef as "securityDefiner", p.proleakproof as leakproof,
         ${fromExtension('pg_proc', 'p.oid')} as extension, coalesce(to_jsonb(p.proconfig), '[]') as settings,
         coalesce(to_jsonb(p.proargnames), '[]') as "argumentNames", p.pronargs::int as "argumentCount",
         p.pronargdefaults::int as "optionalArguments", p.prorettype::regtype::text as returns,
         p.proretset as "returnsSet", coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as body,
         p.prosqlbody is not null as resolved,
         case when l.lanname in ('sql', 'plpgsql') and p.prokind in ('f', 'p') then pg_get_functiondef(p.oid) end
           as definition,
         ${grants("coalesce(p.proacl, acldefault('f', p.proowner))")} as grants,
         coalesce(calls.oids, '[]') as calls, coalesce(reads.oids, '[]') as reads
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
    left join calls on calls.objid = p.oid left join reads on reads.objid = p.oid
   where ${own} order by n.nspname, p.proname, p.oid`

/** Names in a text, parted by spaces: thousands of rows take longer to send than to find. */
export const systemFunctionsSql = `
  select string_agg(f.name, ' ') as names,
         case f.volatility when 1 then 'immutable' when 2 then 'stable' else 'volatile' end as volatility, f.leakproof
    from (select proname::text as name, bool_and(proleakproof) as leakproof,
                 max(case provolatile when 'i' then 1 when 's' then 2 else 3 end) as volatility
            from pg_proc where pronamespace = 'pg_catalog'::regnamespace group by proname) f
   group by f.volatility, f.leakproof`

export const freeCastsSql = `
  select format_type(castsource, null) || '>' || format_type(casttarget, null) as cast from pg_cast where castmethod = 'b'`

/**
 * What an operator class can do is looked up once for each combination of classes, and not for each index; those of the
 * system have numbers below 16384.
 */
export const indexesSql = `
  with classes as materialized (
    select d.indclass, bool_and(exists (
             select from pg_amop o join pg_operator p on p.oid = o.amopopr join pg_proc f on f.oid = p.oprcode
              where o.amopfamily = k.opcfamily and f.proleakproof)) as leakproof,
           bool_or(k.opcname like '%pattern\\_ops') as pattern
      from (select distinct indclass from pg_index where indexrelid >= 16384) d join pg_opclass k on k.oid = any (d.indclass::oid[])
     group by d.indclass)
  select i.indrelid as relation, c.relname as name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as sql,
         i.indisunique as unique, i.indisprimary as primary, i.indisvalid as valid, m.amname as method,
         to_jsonb((i.indkey::int2[])[0:i.indnkeyatts - 1]) as key, pg_get_expr(i.indpred, i.indrelid) as predicate,
         pg_get_indexdef(i.indexrelid) as definition,
         classes.leakproof, classes.pattern as "patternClass"
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_am m on m.oid = c.relam join classes on classes.indclass = i.indclass
   where ${own} order by i.indrelid, c.relname`

const action = (column: string): string => `
  case ${column} when 'a' then 'no action' when 'r' then 'restrict' when 'c' then 'cascade' when 'n' then 'set null'
    else 'set default' end`

export const foreignKeysSql = `
  select k.conname as name, quote_ident(k.conname) as sql, k.conrelid as relation, to_jsonb(k.conkey) as columns,
         k.confrelid as target, to_jsonb(k.confkey) as "targetColumns",
         ${action('k.confdeltype')} as "onDelete", ${action('k.confupdtype')} as "onUpdate"
    from pg_constraint k where k.contype = 'f' and k.conparentid = 0 order by k.conrelid, k.conname`

export const triggersSql = `
  select t.tgrelid as relation, t.tgname as name, t.tgfoid as routine, t.tgenabled <> 'D' as enabled
    from pg_trigger t where not t.tgisinternal order by t.tgrelid, t.tgname`

export const publicationsSql = `
  select p.pubname as name, quote_ident(p.pubname) as sql, p.puballtables as "allTables",
         coalesce((select jsonb_agg(distinct c.oid::int8) from pg_class c where c.oid in (
           select r.prrelid from pg_publication_rel r where r.prpubid = p.oid
           union all
           select t.oid from pg_publication_namespace s join pg_class t on t.relnamespace = s.pnnspid
            where s.pnpubid = p.oid and t.relkind in ('r', 'p'))), '[]') as relations
    from pg_publication p order by p.pubname`

export const sequencesSql = `
  select c.oid, n.nspname as schema, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as sql,
         c.relowner as owner, ${grants('c.relacl')} as grants
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind = 'S' and ${own} and not ${fromExtension('pg_class', 'c.oid')} order by n.nspname, c.relname`

export const defaultPrivilegesSql = `
  select d.defaclrole as owner, quote_ident(n.nspname) as schema,
         case d.defaclobjtype when 'r' then 'tables' when 'S' then 'sequences' when 'f' then 'functions'
           when 'T' then 'types' else 'schemas' end as objects, ${grants('d.defaclacl')} as grants
    from pg_default_acl d left join pg_namespace n on n.oid = d.defaclnamespace order by 1, 2, 3`

export const roleSettingsSql = `
  select s.setrole as role, s.setdatabase <> 0 as here, unnest(s.setconfig) as setting from pg_db_role_setting s
   where s.setdatabase in (0, (select oid from pg_database where datname = current_database())) order by 1, 2, 3`
