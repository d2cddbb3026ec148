/**
 * What the catalog says of the relations of a statement, for one role: policies, privileges, triggers, what is below a view.
 */
import type pg from 'pg'
import { outsideSql } from './outside.ts'
import type { PolicyCommand } from './rules.ts'
import type { Use } from './usage.ts'

/** A role, as far as policies ask. */
export interface Role {
  readonly oid: number
  readonly name: string
  readonly superuser: boolean
  readonly bypassRls: boolean
}

/** One policy. */
export interface Policy {
  readonly oid: number
  readonly name: string
  readonly command: PolicyCommand | 'ALL'
  readonly permissive: boolean
  /** `PUBLIC` among the names of roles. */
  readonly roles: readonly string[]
  /** Whether it is for the acting role, itself or by membership. */
  readonly applies: boolean
  readonly using: string | null
  readonly check: string | null
  /** Functions in it that the acting role may not execute. */
  readonly closedFunctions: readonly string[]
  /** Other relations that it reads. */
  readonly reads: readonly { readonly name: string; readonly rls: boolean; readonly readable: boolean }[]
}

/** One column, and what the acting role may do with it. */
export interface Column {
  readonly name: string
  /** Computed from other columns; nobody writes it. */
  readonly generated: boolean
  readonly select: boolean
  readonly insert: boolean
  readonly update: boolean
  /** Sequences that its default calls, which the acting role may not use. */
  readonly closedSequences: readonly string[]
  readonly closedFunctions: readonly string[]
}

/** A trigger that is on. */
export interface Trigger {
  readonly name: string
  readonly events: readonly ('INSERT' | 'UPDATE' | 'DELETE')[]
  readonly timing: 'BEFORE' | 'AFTER' | 'INSTEAD OF'
  readonly perRow: boolean
  readonly function: string
  readonly language: string
  /** Whether its text names something whose effects outlive a rollback. */
  readonly outside: boolean
  readonly definition: string
}

/** A relation, as one role meets it. */
export interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** `schema.name`, quoted where needed: SQL. */
  readonly sql: string
  /** `r` table, `p` partitioned, `v` view, `m` materialized view, `f` foreign table. */
  readonly kind: string
  readonly owner: string
  readonly ownerOid: number
  readonly rlsEnabled: boolean
  readonly rlsForced: boolean
  /** Whether the acting role has the rights of the owner. */
  readonly actorOwns: boolean
  readonly invoker: boolean
  readonly select: boolean
  readonly insert: boolean
  readonly update: boolean
  readonly delete: boolean
  readonly selectAny: boolean
  readonly updateAny: boolean
  readonly schemaUsage: boolean
  readonly parent: string | null
  readonly columns: readonly Column[]
  readonly policies: readonly Policy[]
  readonly triggers: readonly Trigger[]
  /** What a view reads. */
  readonly below: readonly { readonly oid: number; readonly columns: readonly string[] }[]
}

/** Where a name leads. */
export type Resolution =
  | { readonly kind: 'found'; readonly oid: number }
  /** There is one, in a schema that the role may not use: PostgreSQL says that it does not exist. */
  | { readonly kind: 'closed'; readonly oid: number; readonly schema: string }
  /** There is none on the search path; `elsewhere` are the schemas that have one. */
  | { readonly kind: 'missing'; readonly elsewhere: readonly string[] }

/** @returns undefined when there is no such role */
export async function loadRole(client: pg.ClientBase, name: string): Promise<Role | undefined> {
  const { rows } = await client.query<Role>(
    `select oid::int8::float8 as oid, rolname::text as name, rolsuper as superuser, rolbypassrls as "bypassRls"
       from pg_catalog.pg_roles where rolname = $1`,
    [name],
  )
  return rows[0]
}

/**
 * Finds the relation of each use as the role would, on its own search path.
 *
 * A schema on the path that the role may not use is passed over, as PostgreSQL does.
 */
export async function resolveUses(
  client: pg.ClientBase,
  uses: readonly Use[],
  role: Role,
): Promise<ReadonlyMap<Use, Resolution>> {
  const { rows: paths } = await client.query<{ path: string }>("select current_setting('search_path') as path")
  const path = ['pg_catalog', ...parseSearchPath(paths[0]?.path ?? '', role.name)]
  const { rows } = await client.query<{ oid: number; name: string; schema: string; usage: boolean }>(
    `select c.oid::int8::float8 as oid, c.relname::text as name, n.nspname::text as schema,
            pg_catalog.has_schema_privilege($2::oid, n.oid, 'USAGE') as usage
       from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.relname = any($1) and c.relkind in ('r', 'p', 'v', 'm', 'f') order by n.nspname`,
    [uses.map(({ name }) => name), role.oid],
  )
  return new Map(uses.map((use) => [use, choose(use)]))

  function choose(use: Use): Resolution {
    const named = rows.filter(({ name }) => name === use.name)
    const near = use.schema === undefined ? path : [use.schema]
    const inOrder = near.flatMap((schema) => named.filter((row) => row.schema === schema))
    const usable = inOrder.find(({ usage }) => usage)
    if (usable !== undefined) return { kind: 'found', oid: usable.oid }
    const [closed] = inOrder
    if (closed !== undefined) return { kind: 'closed', oid: closed.oid, schema: closed.schema }
    return { kind: 'missing', elsewhere: named.map(({ schema }) => schema) }
  }
}

/** The schemas of a `search_path`, in order; `"$user"` is the role. */
function parseSearchPath(text: string, role: string): string[] {
  const names = [...text.matchAll(/"((?:[^"]|"")*)"|([^\s,"]+)/g)].map(([, quoted, plain]) =>
    quoted === undefined ? (plain ?? '').toLowerCase() : quoted.replaceAll('""', '"'),
  )
  return names.map((name) => (name === '$user' ? role : name)).filter((name) => name !== '')
}

/**
 * Describes one relation for one role. Expressions are printed with all names qualified.
 *
 * Does NOT follow views; `below` says where they lead.
 */
export async function loadRelation(client: pg.ClientBase, oid: number, role: Role): Promise<Relation | undefined> {
  await client.query("select pg_catalog.set_config('search_path', '', true)")
  const { rows } = await client.query<{ relation: Relation }>(relationSql, [oid, role.oid])
  return rows[0]?.relation
}

const relationSql = `
select json_build_object(
  'oid', c.oid::int8, 'schema', n.nspname, 'name', c.relname, 'sql', format('%I.%I', n.nspname, c.relname),
  'kind', c.relkind, 'owner', pg_get_userbyid(c.relowner), 'ownerOid', c.relowner::int8,
  'rlsEnabled', c.relrowsecurity, 'rlsForced', c.relforcerowsecurity,
  'actorOwns', pg_has_role($2::oid, c.relowner, 'USAGE'),
  'invoker', coalesce((select option_value::boolean from pg_options_to_table(c.reloptions)
                        where option_name = 'security_invoker'), false),
  'select', has_table_privilege($2::oid, c.oid, 'SELECT'), 'insert', has_table_privilege($2::oid, c.oid, 'INSERT'),
  'update', has_table_privilege($2::oid, c.oid, 'UPDATE'), 'delete', has_table_privilege($2::oid, c.oid, 'DELETE'),
  'selectAny', has_any_column_privilege($2::oid, c.oid, 'SELECT'),
  'updateAny', has_any_column_privilege($2::oid, c.oid, 'UPDATE'),
  'schemaUsage', has_schema_privilege($2::oid, n.oid, 'USAGE'),
  'parent', (select i.inhparent::regclass::text from pg_inherits i where i.inhrelid = c.oid and c.relispartition),
  'columns', coalesce((
    select json_agg(json_build_object(
      'name', a.attname, 'generated', a.attgenerated <> '',
      'select', has_column_privilege($2::oid, c.oid, a.attnum, 'SELECT'),
      'insert', c.relkind <> 'm' and has_column_privilege($2::oid, c.oid, a.attnum, 'INSERT'),
      'update', c.relkind <> 'm' and has_column_privilege($2::oid, c.oid, a.attnum, 'UPDATE'),
      'closedSequences', coalesce((
        select json_agg(s.oid::regclass::text) from pg_attrdef d
          join pg_depend k on k.classid = 'pg_attrdef'::regclass and k.objid = d.oid and k.refclassid = 'pg_class'::regclass
          join pg_class s on s.oid = k.refobjid
         where d.adrelid = c.oid and d.adnum = a.attnum
           and case when s.relkind = 'S' then not has_sequence_privilege($2::oid, s.oid, 'USAGE, UPDATE') else false end
      ), '[]'),
      'closedFunctions', coalesce((
        select json_agg(p.oid::regprocedure::text) from pg_attrdef d
          join pg_depend k on k.classid = 'pg_attrdef'::regclass and k.objid = d.oid and k.refclassid = 'pg_proc'::regclass
          join pg_proc p on p.oid = k.refobjid
         where d.adrelid = c.oid and d.adnum = a.attnum and not has_function_privilege($2::oid, p.oid, 'EXECUTE')
      ), '[]')
    ) order by a.attnum)
    from pg_attribute a where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
  ), '[]'),
  'policies', coalesce((
    select json_agg(json_build_object(
      'oid', p.oid::int8, 'name', p.polname,
      'command', case p.polcmd when 'r' then 'SELECT' when 'a' then 'INSERT' when 'w' then 'UPDATE' when 'd' then 'DELETE' else 'ALL' end,
      'permissive', p.polpermissive,
      'roles', (select json_agg(case r when 0 then 'PUBLIC' else pg_get_userbyid(r) end) from unnest(p.polroles) r),
      'applies', (select bool_or(case r when 0 then true else pg_has_role($2::oid, r, 'USAGE') end) from unnest(p.polroles) r),
      'using', pg_get_expr(p.polqual, p.polrelid), 'check', pg_get_expr(p.polwithcheck, p.polrelid),
      'closedFunctions', coalesce((
        select json_agg(distinct f.oid::regprocedure::text) from pg_depend k join pg_proc f on f.oid = k.refobjid
         where k.classid = 'pg_policy'::regclass and k.objid = p.oid and k.refclassid = 'pg_proc'::regclass
           and not has_function_privilege($2::oid, f.oid, 'EXECUTE')
      ), '[]'),
      'reads', coalesce((
        select json_agg(distinct jsonb_build_object('name', t.oid::regclass::text, 'rls', t.relrowsecurity,
                 'readable', has_any_column_privilege($2::oid, t.oid, 'SELECT')))
          from pg_depend k join pg_class t on t.oid = k.refobjid and t.relkind in ('r', 'p', 'v', 'm', 'f')
         where k.classid = 'pg_policy'::regclass and k.objid = p.oid and k.refclassid = 'pg_class'::regclass
           and k.refobjid <> p.polrelid
      ), '[]')
    ) order by p.polname)
    from pg_policy p where p.polrelid = c.oid
  ), '[]'),
  'triggers', coalesce((
    select json_agg(json_build_object(
      'name', t.tgname,
      'events', (select coalesce(json_agg(e), '[]') from (values (4, 'INSERT'), (16, 'UPDATE'), (8, 'DELETE')) v (bit, e)
                  where t.tgtype & v.bit > 0),
      'timing', case when t.tgtype & 64 > 0 then 'INSTEAD OF' when t.tgtype & 2 > 0 then 'BEFORE' else 'AFTER' end,
      'perRow', t.tgtype & 1 > 0, 'function', f.oid::regproc::text, 'language', l.lanname,
      'outside', ${outsideSql('f', 'l')},
      'definition', pg_get_triggerdef(t.oid)
    ) order by t.tgname)
    from pg_trigger t join pg_proc f on f.oid = t.tgfoid join pg_language l on l.oid = f.prolang
    where t.tgrelid = c.oid and not t.tgisinternal and t.tgenabled in ('O', 'A')
  ), '[]'),
  'below', coalesce((
    select json_agg(json_build_object('oid', b.refobjid::int8, 'columns', b.columns) order by b.refobjid)
    from (
      select k.refobjid, coalesce(json_agg(a.attname) filter (where a.attname is not null), '[]') as columns
        from pg_rewrite w join pg_depend k on k.classid = 'pg_rewrite'::regclass and k.objid = w.oid
        join pg_class t on t.oid = k.refobjid and t.relkind in ('r', 'p', 'v', 'm', 'f')
        left join pg_attribute a on a.attrelid = k.refobjid and a.attnum = k.refobjsubid and k.refobjsubid > 0
       where w.ev_class = c.oid and w.ev_type = '1' and k.refclassid = 'pg_class'::regclass and k.refobjid <> c.oid
       group by k.refobjid
    ) b
  ), '[]')
) as relation
from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace
where c.oid = $1::oid`
