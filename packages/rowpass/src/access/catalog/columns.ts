/**
 * Columns, with their types, defaults and privileges.
 */
import type { AclItem } from './grants.ts'
import { grantsOf, isTheirs, usesOf } from './sql.ts'

/** A column. */
export interface Column {
  readonly relation: number
  readonly number: number
  readonly name: string
  readonly sql: string
  /** As `format_type` writes it, without modifiers; of a domain what it is made of. */
  readonly type: string
  /** As it is declared, such as `numeric(10,2)`. */
  readonly declared: string
  /** `typcategory` of {@link type}: `E` enum, `C` composite, `N` number … */
  readonly category: string
  /** Of an enum. */
  readonly labels: readonly string[] | undefined
  /** How many fields a composite has; 0 for anything else. */
  readonly fields: number
  /** Itself or by its domain. */
  readonly notNull: boolean
  /** `stored`, `virtual`, or undefined when it is no generated column. */
  readonly generated: 'stored' | 'virtual' | undefined
  readonly identity: 'always' | 'default' | undefined
  /** Whether it gets a value when none is given: a default, its domain's, an identity; a generated column has one. */
  readonly hasDefault: boolean
  /** Expression of the default, its domain's included, or of the generated column. */
  readonly expression: string | undefined
  /** Functions that are not the system's, and sequences, that the expression depends on. */
  readonly calls: readonly number[]
  readonly sequences: readonly number[]
  /** The sequence of an identity. */
  readonly identitySequence: number | undefined
  readonly grants: readonly AclItem[]
}

/** Fills {@link Column}. `$1` as of the relations. */
export const columnsSql = `
  with recursive chain as (
    select oid as domain, typbasetype as base from pg_type where typtype = 'd'
    union all
    select c.domain, t.typbasetype from chain c join pg_type t on t.oid = c.base where t.typtype = 'd'
  ), bases as (
    select c.domain, c.base from chain c join pg_type t on t.oid = c.base where t.typtype <> 'd'
  ), identities as (
    select refobjid as relation, refobjsubid as number, min(objid::int8) as oid from pg_depend
     where classid = 'pg_class'::regclass and refclassid = 'pg_class'::regclass and deptype = 'i' and refobjsubid > 0
     group by 1, 2
  ), ${usesOf('calls', 'pg_attrdef', 'pg_proc')}, ${usesOf('sequences', 'pg_attrdef', 'pg_class')}
  select a.attrelid as relation, a.attnum as number, a.attname as name, quote_ident(a.attname) as sql,
         format_type(b.oid, null) as type, format_type(a.atttypid, a.atttypmod) as declared, b.typcategory as category,
         case b.typtype when 'e' then (select jsonb_agg(e.enumlabel order by e.enumsortorder) from pg_enum e
           where e.enumtypid = b.oid) end as labels,
         case b.typtype when 'c' then (select count(*)::int from pg_attribute f
           where f.attrelid = b.typrelid and f.attnum > 0 and not f.attisdropped) else 0 end as fields,
         a.attnotnull or y.typnotnull as "notNull",
         case a.attgenerated when 's' then 'stored' when 'v' then 'virtual' end as generated,
         case a.attidentity when 'a' then 'always' when 'd' then 'default' end as identity,
         a.atthasdef or a.attidentity <> '' or y.typdefault is not null as "hasDefault",
         coalesce(pg_get_expr(d.adbin, d.adrelid), y.typdefault) as expression,
         coalesce(calls.oids, '[]') as calls,
         case when sequences.oids is null then '[]' else (select coalesce(jsonb_agg(s.oid::int8), '[]') from pg_class s
           where s.relkind = 'S' and s.oid::int8 in (select o::int8 from jsonb_array_elements_text(sequences.oids) o))
         end as sequences, i.oid::float8 as "identitySequence",
         ${grantsOf('a.attacl')} as grants
    from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
    join pg_type y on y.oid = a.atttypid left join bases on bases.domain = y.oid
    join pg_type b on b.oid = coalesce(bases.base, y.oid)
    left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
    left join calls on calls.objid = d.oid left join sequences on sequences.objid = d.oid
    left join identities i on i.relation = a.attrelid and i.number = a.attnum and a.attidentity <> ''
   where a.attnum > 0 and not a.attisdropped and c.relkind in ('r', 'p', 'v', 'm', 'f')
     and (${isTheirs} or c.oid = any ($1::oid[]))
   order by a.attrelid, a.attnum`
