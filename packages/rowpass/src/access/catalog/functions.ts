/**
 * Functions and procedures, those of the system by name, and casts that change nothing.
 */
import type { AclItem } from './grants.ts'
import { extensionOf, grantsOf, isTheirs, usesOf } from './sql.ts'

/** A function or procedure that is not the system's. */
export interface Routine {
  readonly oid: number
  readonly schema: string
  readonly name: string
  /** `schema.name(argument types)`, quoted. */
  readonly sql: string
  /** How `create` names its kind. */
  readonly kind: 'function' | 'procedure' | 'aggregate'
  readonly owner: number
  readonly language: string
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  readonly securityDefiner: boolean
  readonly leakproof: boolean
  /** The extension that made it. */
  readonly extension: string | undefined
  /** Settings it runs with, `name=value`. */
  readonly settings: readonly string[]
  /** Arguments that a call gives, in their order; a name is empty where there is none. */
  readonly inputs: readonly RoutineInput[]
  readonly argumentNames: readonly string[]
  readonly argumentCount: number
  readonly optionalArguments: number
  readonly returns: string
  readonly returnsSet: boolean
  /** Text between the quotes, or of `begin atomic` and `return`. */
  readonly body: string
  /** Whether names in the body were resolved when it was made. */
  readonly resolved: boolean
  /** The whole `create` statement, where it is in SQL or PL/pgSQL. */
  readonly definition: string | undefined
  readonly grants: readonly AclItem[]
  readonly calls: readonly number[]
  readonly reads: readonly number[]
}

/** An argument of a function. */
export interface RoutineInput {
  readonly name: string
  /** As `format_type` writes it; of a domain what it is made of. */
  readonly type: string
}

/** Fills {@link Routine}. */
export const routinesSql = `
  with ${usesOf('calls', 'pg_proc', 'pg_proc')}, ${usesOf('reads', 'pg_proc', 'pg_class')}
  select p.oid, n.nspname as schema, p.proname as name,
         format('%I.%I(%s)', n.nspname, p.proname, oidvectortypes(p.proargtypes)) as sql,
         case p.prokind when 'p' then 'procedure' when 'a' then 'aggregate' else 'function' end as kind,
         p.proowner as owner, l.lanname as language,
         case p.provolatile when 'i' then 'immutable' when 's' then 'stable' else 'volatile' end as volatility,
         p.prosecdef as "securityDefiner", p.proleakproof as leakproof,
         ${extensionOf('pg_proc', 'p.oid')} as extension, coalesce(to_jsonb(p.proconfig), '[]') as settings,
         (select coalesce(jsonb_agg(jsonb_build_object('name', coalesce(i.name, ''), 'type',
                   format_type(case t.typtype when 'd' then t.typbasetype else t.oid end, null)) order by i.at), '[]')
            from unnest(coalesce(p.proallargtypes, p.proargtypes::oid[]), p.proargnames, p.proargmodes::text[])
                 with ordinality i (type, name, mode, at)
            join pg_type t on t.oid = i.type where coalesce(i.mode, 'i') in ('i', 'b', 'v')) as inputs,
         coalesce(to_jsonb(p.proargnames), '[]') as "argumentNames", p.pronargs::int as "argumentCount",
         p.pronargdefaults::int as "optionalArguments", p.prorettype::regtype::text as returns,
         p.proretset as "returnsSet", coalesce(pg_get_function_sqlbody(p.oid), p.prosrc) as body,
         p.prosqlbody is not null as resolved,
         case when l.lanname in ('sql', 'plpgsql') and p.prokind in ('f', 'p') then pg_get_functiondef(p.oid) end
           as definition,
         ${grantsOf("coalesce(p.proacl, acldefault('f', p.proowner))")} as grants,
         coalesce(calls.oids, '[]') as calls, coalesce(reads.oids, '[]') as reads
    from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_language l on l.oid = p.prolang
    left join calls on calls.objid = p.oid left join reads on reads.objid = p.oid
   where ${isTheirs} order by n.nspname, p.proname, p.oid`

/** A function of `pg_catalog`. */
export interface SystemFunction {
  readonly name: string
  readonly volatility: 'immutable' | 'stable' | 'volatile'
  readonly leakproof: boolean
}

/** Fills {@link SystemFunction}. Names in a text, parted by spaces: thousands of rows take longer to send than to find. */
export const systemFunctionsSql = `
  select string_agg(f.name, ' ') as names,
         case f.volatility when 1 then 'immutable' when 2 then 'stable' else 'volatile' end as volatility, f.leakproof
    from (select proname::text as name, bool_and(proleakproof) as leakproof,
                 max(case provolatile when 'i' then 1 when 's' then 2 else 3 end) as volatility
            from pg_proc where pronamespace = 'pg_catalog'::regnamespace group by proname) f
   group by f.volatility, f.leakproof`

/** Casts that change nothing, as `from>to`. */
export const freeCastsSql = `
  select format_type(castsource, null) || '>' || format_type(casttarget, null) as cast from pg_cast where castmethod = 'b'`
