/**
 * What the catalog says of the tables that a matrix covers: columns, keys, policies, privileges of the roles.
 */
import type pg from 'pg'
import type { Command, TableMatrix } from './cell.ts'

/** A column, in the order of the table. */
export interface Column {
  readonly name: string
  /** As SQL, such as `numeric(10,2)`. */
  readonly type: string
  /** `typcategory` of the type, or of what its domain is made of; `E` enum, `C` composite, `N` number … */
  readonly category: string
  /** Without domain and without modifiers, such as `uuid`. */
  readonly base: string
  readonly notNull: boolean
  readonly hasDefault: boolean
  /** The sequence that is advanced when no value is given. */
  readonly sequence: string | null
  /** Functions with effects that the default may have are looked up by these names. */
  readonly defaultSql: string | null
  /** Never given a value: GENERATED ALWAYS AS (…). */
  readonly generated: boolean
  readonly identity: '' | 'a' | 'd'
  readonly labels: readonly string[] | null
  readonly fields: number
}

/** A unique key or primary key. */
export interface Key {
  readonly columns: readonly string[]
  /** Checked with the row, not at the end of the statement or later. */
  readonly immediate: boolean
}

/** A foreign key of the table. */
export interface Reference {
  readonly columns: readonly string[]
  readonly target: number
  readonly targetName: string
  readonly targetColumns: readonly string[]
}

/** A foreign key that points to the table. */
export interface Referrer {
  readonly name: string
  readonly columns: readonly string[]
  /** `c` cascade, `n` set null, `d` set default, `a` and `r` refuse. */
  readonly onDelete: string
  readonly onUpdate: string
}

/** What one role may do. */
export interface Grants {
  readonly role: string
  readonly usage: boolean
  readonly select: readonly string[]
  readonly insert: readonly string[]
  readonly update: readonly string[]
  readonly delete: boolean
  /** SELECT on the whole table. */
  readonly whole: boolean
}

/** A policy, with the roles that have it. */
export interface Policy {
  readonly name: string
  /** `r`, `a`, `w`, `d`, or `*` for all. */
  readonly command: string
  readonly permissive: boolean
  readonly roles: readonly string[]
}

/** A table or view. */
export interface Table {
  readonly oid: number
  readonly schema: string
  readonly relation: string
  /** Quoted where it has to be. */
  readonly sql: string
  readonly kind: TableMatrix['kind']
  readonly rowSecurity: TableMatrix['rowSecurity']
  /** Whether policies hold for this connection as well. */
  readonly hidden: boolean
  /** Whether this connection may read it. */
  readonly readable: boolean
  /** Bits of `pg_relation_is_updatable`: 4 UPDATE, 8 INSERT, 16 DELETE. */
  readonly updatable: number
  readonly rules: boolean
  readonly columns: readonly Column[]
  readonly keys: readonly Key[]
  readonly references: readonly Reference[]
  readonly referrers: readonly Referrer[]
  readonly policies: readonly Policy[]
  readonly grants: readonly Grants[]
  /** This table, its partitions and children, and what it is a view of: whatever a statement on it can reach. */
  readonly reach: readonly number[]
}

/** What to cover. */
export interface Scope {
  /** Roles of the identities; a schema counts when one of them has USAGE on it. */
  readonly roles: readonly string[]
  readonly schemas?: readonly string[]
  /** `table` or `schema.table`, as they are spelled in the catalog. */
  readonly tables?: readonly string[]
}

/**
 * Reads all tables, views and materialized views of the schemas that some role may use, ordered by name. Leaves out
 * those of extensions and, as they are tried through their parent, partitions that no role has a privilege on.
 */
export async function readTables(client: pg.ClientBase, { roles, schemas, tables }: Scope): Promise<Table[]> {
  const { rows } = await client.query<{ table: Table }>(tablesSql, [roles, schemas ?? null, tables ?? null])
  return rows.map(({ table }) => table)
}

/** The grants of one role on a table; a role that was not asked for has none. */
export function grantsOf(table: Table, role: string): Grants {
  const none = { role, usage: false, select: [], insert: [], update: [], delete: false, whole: false }
  return table.grants.find((grants) => grants.role === role) ?? none
}

/** Names of the policies that a command of a role is subject to. UPDATE and DELETE with WHERE have those of SELECT too. */
export function policiesOf(table: Table, role: string, command: Command): string[] {
  if (table.rowSecurity === 'off') return []
  const letter = { select: 'r', insert: 'a', update: 'w', delete: 'd' }[command]
  return table.policies
    .filter((policy) => (policy.command === letter || policy.command === '*') && policy.roles.includes(role))
    .map(({ name }) => name)
}

const tablesSql = `
with recursive wanted as (
  select c.oid, c.relname, c.relkind, c.relrowsecurity, c.relforcerowsecurity, c.relhasrules, n.nspname, n.oid as space
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relpersistence <> 't'
     and n.nspname not in ('pg_catalog', 'information_schema') and n.nspname !~ '^pg_(toast|temp)'
     and exists (select from unnest($1::text[]) r where has_schema_privilege(r, n.oid, 'USAGE'))
     and not exists (select from pg_depend d where d.classid = 'pg_class'::regclass and d.objid = c.oid and d.deptype = 'e')
     and ($2::text[] is null or n.nspname = any($2))
     and ($3::text[] is null or c.relname = any($3) or n.nspname || '.' || c.relname = any($3))
     and (not c.relispartition or exists (select from unnest($1::text[]) r
           where has_any_column_privilege(r, c.oid, 'SELECT, INSERT, UPDATE') or has_table_privilege(r, c.oid, 'DELETE')))
), reach(root, oid) as (
  select oid, oid from wanted
  union
  select reach.root, next.oid from reach, lateral (
    select inhrelid as oid from pg_inherits where inhparent = reach.oid
    union all
    select d.refobjid from pg_rewrite r join pg_depend d on d.classid = 'pg_rewrite'::regclass and d.objid = r.oid
     where r.ev_class = reach.oid and d.refclassid = 'pg_class'::regclass
       and exists (select from pg_class v where v.oid = r.ev_class and v.relkind in ('v', 'm'))
  ) next
)
select json_build_object(
  'oid', t.oid::int8, 'schema', t.nspname, 'relation', t.relname, 'sql', format('%I.%I', t.nspname, t.relname),
  'kind', case t.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
                         when 'm' then 'materialized view' else 'foreign table' end,
  'rowSecurity', case when not t.relrowsecurity then 'off' when t.relforcerowsecurity then 'forced' else 'on' end,
  'hidden', case when t.relkind = 'v' then exists (
      select from reach b join pg_class k on k.oid = b.oid where b.root = t.oid and k.relkind in ('r', 'p') and row_security_active(b.oid))
    else row_security_active(t.oid) end,
  'readable', has_table_privilege(t.oid, 'SELECT') and has_schema_privilege(t.space, 'USAGE'),
  'updatable', case t.relkind when 'r' then 28 when 'p' then 28 when 'v' then pg_relation_is_updatable(t.oid, false)
                              else 0 end,
  'rules', exists (select from pg_rewrite r where r.ev_class = t.oid and r.ev_type <> '1' and r.ev_enabled <> 'D'),
  'columns', (
    select coalesce(json_agg(json_build_object(
      'name', a.attname, 'type', format_type(a.atttypid, a.atttypmod), 'category', b.typcategory,
      'base', format_type(b.oid, null), 'notNull', a.attnotnull or y.typnotnull,
      'hasDefault', a.atthasdef or a.attidentity <> '' or y.typdefault is not null,
      'sequence', case when a.attidentity <> '' or pg_get_expr(d.adbin, d.adrelid) like '%nextval(%'
                       then coalesce(pg_get_serial_sequence(format('%I.%I', t.nspname, t.relname), a.attname), 'a sequence') end,
      'defaultSql', case when a.attgenerated = '' then coalesce(pg_get_expr(d.adbin, d.adrelid), y.typdefault) end,
      'generated', a.attgenerated <> '', 'identity', a.attidentity,
      'labels', (select json_agg(e.enumlabel order by e.enumsortorder) from pg_enum e where e.enumtypid = b.oid),
      'fields', (select count(*) from pg_attribute f where f.attrelid = b.typrelid and f.attnum > 0 and not f.attisdropped)
    ) order by a.attnum), '[]')
    from pg_attribute a join pg_type y on y.oid = a.atttypid
    join pg_type b on b.oid = (
      with recursive chain(oid, base, kind) as (
        select y.oid, y.typbasetype, y.typtype
        union all select p.oid, p.typbasetype, p.typtype from chain join pg_type p on p.oid = chain.base where chain.kind = 'd'
      ) select oid from chain where kind <> 'd')
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    where a.attrelid = t.oid and a.attnum > 0 and not a.attisdropped),
  'keys', (
    select coalesce(json_agg(json_build_object('immediate', i.indimmediate, 'columns', (
      select json_agg(a.attname) from pg_attribute a
       where a.attrelid = i.indrelid and a.attnum = any((i.indkey::int2[])[0:i.indnkeyatts - 1])
    )) order by i.indisprimary desc, i.indexrelid), '[]')
    from pg_index i where i.indrelid = t.oid and i.indisunique and i.indpred is null and not 0 = any(i.indkey::int2[])),
  'references', (
    select coalesce(json_agg(json_build_object('target', k.confrelid::int8, 'targetName', k.confrelid::regclass::text,
      'columns', (select json_agg(a.attname order by p.n) from unnest(k.conkey) with ordinality p(att, n)
                    join pg_attribute a on a.attrelid = k.conrelid and a.attnum = p.att),
      'targetColumns', (select json_agg(a.attname order by p.n) from unnest(k.confkey) with ordinality p(att, n)
                          join pg_attribute a on a.attrelid = k.confrelid and a.attnum = p.att)) order by k.conname), '[]')
    from pg_constraint k where k.conrelid = t.oid and k.contype = 'f'),
  'referrers', (
    select coalesce(json_agg(json_build_object('name', k.conrelid::regclass::text, 'onDelete', k.confdeltype,
      'onUpdate', k.confupdtype, 'columns', (select json_agg(a.attname) from pg_attribute a
                         where a.attrelid = k.confrelid and a.attnum = any(k.confkey))) order by k.conname), '[]')
    from pg_constraint k where k.contype = 'f' and k.confrelid in (select oid from reach where root = t.oid)),
  'policies', (
    select coalesce(json_agg(json_build_object('name', p.polname, 'command', p.polcmd, 'permissive', p.polpermissive,
      'roles', (select coalesce(json_agg(r), '[]') from unnest($1::text[]) r
                 where exists (select from unnest(p.polroles) o where o = 0 or pg_has_role(r, o, 'USAGE')))) order by p.polname), '[]')
    from pg_policy p where p.polrelid = t.oid),
  'grants', (
    select json_agg(json_build_object('role', r, 'usage', has_schema_privilege(r, t.space, 'USAGE'),
      'select', (select coalesce(json_agg(a.attname), '[]') from pg_attribute a where a.attrelid = t.oid and a.attnum > 0
                  and not a.attisdropped and has_column_privilege(r, t.oid, a.attnum, 'SELECT')),
      'insert', (select coalesce(json_agg(a.attname), '[]') from pg_attribute a where a.attrelid = t.oid and a.attnum > 0
                  and not a.attisdropped and has_column_privilege(r, t.oid, a.attnum, 'INSERT')),
      'update', (select coalesce(json_agg(a.attname), '[]') from pg_attribute a where a.attrelid = t.oid and a.attnum > 0
                  and not a.attisdropped and has_column_privilege(r, t.oid, a.attnum, 'UPDATE')),
      'delete', has_table_privilege(r, t.oid, 'DELETE'), 'whole', has_table_privilege(r, t.oid, 'SELECT')))
    from unnest($1::text[]) r),
  'reach', (select json_agg(oid::int8) from reach where root = t.oid)
) as table
from wanted t order by t.nspname, t.relname`
