/**
 * Tables, views and what else has rows; and sequences.
 */
import type { Column } from './columns.ts'
import type { AclItem } from './grants.ts'
import { extensionOf, grantsOf, isTheirs, usesOf } from './sql.ts'

/** What a relation is. */
export type RelKind = 'table' | 'partitioned table' | 'view' | 'materialized view' | 'foreign table'

/** A table, view, materialized view or foreign table. */
export interface Relation {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** `schema.name`, quoted. */
  readonly sql: string
  readonly kind: RelKind
  readonly owner: number
  readonly rls: boolean
  readonly force: boolean
  readonly securityInvoker: boolean
  readonly securityBarrier: boolean
  /** The extension that made it. */
  readonly extension: string | undefined
  /** Rows as last counted by ANALYZE; -1 when never. */
  readonly rows: number
  readonly grants: readonly AclItem[]
  readonly columns: readonly Column[]
  /** What it is a partition or an inheritance child of. */
  readonly parents: readonly number[]
  readonly partition: boolean
  /** Relations that a view reads itself, with the numbers of the columns. */
  readonly sources: readonly { readonly relation: number; readonly columns: readonly number[] }[]
  /** Functions that a view calls itself. */
  readonly calls: readonly number[]
  /** Query of a view. */
  readonly definition: string | undefined
  /** Bits of `pg_relation_is_updatable`: 4 UPDATE, 8 INSERT, 16 DELETE. */
  readonly updatable: number
  /** Whether rules rewrite what is written to it. */
  readonly rules: boolean
  /** Names of those that do something, quoted: not of `do instead nothing`. */
  readonly actingRules: readonly string[]
}

/** Whether policies can hold for it. */
export function isTable({ kind }: Pick<Relation, 'kind'>): boolean {
  return kind === 'table' || kind === 'partitioned table'
}

/** Fills {@link Relation} but for its columns. `$1`: oids of relations of the system to read as well. */
export const relationsSql = `
  with sources as (
    select objid, jsonb_agg(jsonb_build_object('relation', oid, 'columns', columns) order by oid) as list from (
      select objid, refobjid::int8 as oid,
             coalesce(jsonb_agg(distinct refobjsubid) filter (where refobjsubid > 0), '[]') as columns
        from pg_depend
       where classid = 'pg_rewrite'::regclass and refclassid = 'pg_class'::regclass and deptype = 'n'
       group by objid, refobjid) s
     group by objid), ${usesOf('calls', 'pg_rewrite', 'pg_proc')}
  select c.oid, n.nspname as schema, c.relname as name, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as sql,
         case c.relkind when 'r' then 'table' when 'p' then 'partitioned table' when 'v' then 'view'
           when 'm' then 'materialized view' else 'foreign table' end as kind,
         c.relowner as owner, c.relrowsecurity as rls, c.relforcerowsecurity as force, c.reltuples::float8 as rows,
         coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o
            where o.option_name = 'security_invoker'), false) as "securityInvoker",
         coalesce((select o.option_value::boolean from pg_options_to_table(c.reloptions) o
            where o.option_name = 'security_barrier'), false) as "securityBarrier",
         ${extensionOf('pg_class', 'c.oid')} as extension,
         ${grantsOf("coalesce(c.relacl, acldefault('r', c.relowner))")} as grants,
         coalesce((select jsonb_agg(i.inhparent::int8) from pg_inherits i where i.inhrelid = c.oid), '[]') as parents,
         c.relispartition as partition,
         coalesce(sources.list, '[]') as sources, coalesce(calls.oids, '[]') as calls,
         case when c.relkind in ('v', 'm') then pg_get_viewdef(c.oid) end as definition,
         case c.relkind when 'r' then 28 when 'p' then 28 when 'v' then pg_relation_is_updatable(c.oid, false) else 0 end
           as updatable,
         c.relhasrules and exists (select from pg_rewrite r
           where r.ev_class = c.oid and r.ev_type <> '1' and r.ev_enabled <> 'D') as rules,
         (select coalesce(jsonb_agg(quote_ident(r.rulename) order by r.rulename), '[]') from pg_rewrite r
           where c.relhasrules and r.ev_class = c.oid and r.ev_type <> '1' and r.ev_enabled <> 'D'
             and pg_get_ruledef(r.oid) !~ 'DO (INSTEAD )?NOTHING;?\\s*$') as "actingRules"
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    left join pg_rewrite w on w.ev_class = c.oid and w.rulename = '_RETURN'
    left join sources on sources.objid = w.oid left join calls on calls.objid = w.oid
   where c.relkind in ('r', 'p', 'v', 'm', 'f') and (${isTheirs} or c.oid = any ($1::oid[]))
   order by n.nspname, c.relname`

/** A sequence. */
export interface Sequence {
  readonly oid: number
  readonly schema: string
  readonly sql: string
  readonly owner: number
  readonly grants: readonly AclItem[]
  readonly extension: string | undefined
}

/** Fills {@link Sequence}. */
export const sequencesSql = `
  select c.oid, n.nspname as schema, quote_ident(n.nspname) || '.' || quote_ident(c.relname) as sql,
         c.relowner as owner, ${grantsOf("coalesce(c.relacl, acldefault('s', c.relowner))")} as grants,
         ${extensionOf('pg_class', 'c.oid')} as extension
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
   where c.relkind = 'S' and ${isTheirs} order by n.nspname, c.relname`
