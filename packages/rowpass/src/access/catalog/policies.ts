/**
 * Policies.
 */
import { usesOf } from './sql.ts'

/** What row-level security tells apart. */
export const commands = ['select', 'insert', 'update', 'delete'] as const

/** One of SELECT, INSERT, UPDATE, DELETE. */
export type Command = (typeof commands)[number]

/** A policy. */
export interface Policy {
  readonly relation: number
  readonly name: string
  readonly sql: string
  readonly command: Command | 'all'
  readonly permissive: boolean
  /** By oid; 0 is PUBLIC. */
  readonly roles: readonly number[]
  readonly using: string | undefined
  readonly check: string | undefined
  /** Functions that are not the system's, and relations (its own too), that it depends on. */
  readonly calls: readonly number[]
  readonly reads: readonly number[]
  /** Columns of its own table that it names. */
  readonly columns: readonly number[]
}

/** Fills {@link Policy}. */
export const policiesSql = `
  with ${usesOf('calls', 'pg_policy', 'pg_proc')}, ${usesOf('reads', 'pg_policy', 'pg_class')}
  select p.polrelid as relation, p.polname as name, quote_ident(p.polname) as sql, p.polpermissive as permissive,
         case p.polcmd when 'r' then 'select' when 'a' then 'insert' when 'w' then 'update' when 'd' then 'delete'
           else 'all' end as command,
         (select jsonb_agg(r::int8) from unnest(p.polroles) r) as roles,
         pg_get_expr(p.polqual, p.polrelid) as using, pg_get_expr(p.polwithcheck, p.polrelid) as check,
         coalesce(calls.oids, '[]') as calls, coalesce(reads.oids, '[]') as reads,
         coalesce((select jsonb_agg(distinct d.refobjsubid) from pg_depend d
            where d.classid = 'pg_policy'::regclass and d.objid = p.oid and d.refclassid = 'pg_class'::regclass
              and d.refobjid = p.polrelid and d.refobjsubid > 0), '[]') as columns
    from pg_policy p left join calls on calls.objid = p.oid left join reads on reads.objid = p.oid
   order by p.polrelid, p.polname`
