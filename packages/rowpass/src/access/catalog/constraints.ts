/**
 * Indexes and foreign keys.
 */
import { isTheirs } from './sql.ts'

/** An index. */
export interface Index {
  readonly relation: number
  readonly name: string
  readonly sql: string
  readonly unique: boolean
  readonly primary: boolean
  /** Whether it is of an exclusion constraint, or of a key WITHOUT OVERLAPS. */
  readonly exclusion: boolean
  readonly valid: boolean
  /** Whether uniqueness is checked with each row, not at the end of the statement or later. */
  readonly immediate: boolean
  readonly method: string
  /** Attribute numbers of the key; 0 is an expression. */
  readonly key: readonly number[]
  readonly predicate: string | undefined
  readonly definition: string
  /** Whether some operator of each key column's class is leakproof. */
  readonly leakproof: boolean
  /** Whether a class of it is for LIKE and not for the sort order. */
  readonly patternClass: boolean
}

/**
 * Fills {@link Index}. What an operator class can do is looked up once for each combination of classes, and not for each
 * index; those of the system have numbers below 16384.
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
         i.indisunique as unique, i.indisprimary as primary, i.indisexclusion as exclusion, i.indisvalid as valid, i.indimmediate as immediate, m.amname as method,
         to_jsonb((i.indkey::int2[])[0:i.indnkeyatts - 1]) as key, pg_get_expr(i.indpred, i.indrelid) as predicate,
         pg_get_indexdef(i.indexrelid) as definition,
         classes.leakproof, classes.pattern as "patternClass"
    from pg_index i join pg_class c on c.oid = i.indexrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_am m on m.oid = c.relam join classes on classes.indclass = i.indclass
   where ${isTheirs} order by i.indrelid, c.relname`

/** What happens to the rows that refer to one that goes. */
export type ReferentialAction = 'no action' | 'restrict' | 'cascade' | 'set null' | 'set default'

/** A foreign key. */
export interface ForeignKey {
  readonly name: string
  readonly sql: string
  readonly relation: number
  /** Whether it is that of a partitioned table, kept for a partition. */
  readonly inherited: boolean
  readonly columns: readonly number[]
  readonly target: number
  readonly targetColumns: readonly number[]
  readonly onDelete: ReferentialAction
  readonly onUpdate: ReferentialAction
}

const action = (column: string): string => `
  case ${column} when 'a' then 'no action' when 'r' then 'restrict' when 'c' then 'cascade' when 'n' then 'set null'
    else 'set default' end`

/** Fills {@link ForeignKey}. */
export const foreignKeysSql = `
  select k.conname as name, quote_ident(k.conname) as sql, k.conrelid as relation, k.conparentid <> 0 as inherited, to_jsonb(k.conkey) as columns,
         k.confrelid as target, to_jsonb(k.confkey) as "targetColumns",
         ${action('k.confdeltype')} as "onDelete", ${action('k.confupdtype')} as "onUpdate"
    from pg_constraint k where k.contype = 'f' order by k.conrelid, k.conname`
