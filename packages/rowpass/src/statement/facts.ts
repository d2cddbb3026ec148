/**
 * What the connected database says of its functions, operators, casts and types: a query, and the grades made of its rows.
 *
 * PostgreSQL's own functions are graded by the catalog's volatility and the reviewed lists of `functions.ts`. A function
 * of the owner or of an extension is trusted code, but may leave something in the session; see {@link gradeOf}.
 */
import { createHash } from 'node:crypto'
import { findRefusedFunction, isHarmlessFunction, isRefusedExtension, unreviewedFunction } from './functions.ts'

/** How a statement that calls a function may run. */
export type Grade = ({ readonly kind: 'fast' | 'reset' } | { readonly kind: 'refused'; readonly instead: string }) & {
  /** Whether it may read tables that the statement does not name: whatever is the owner's, as its rights may be others. */
  readonly beyond: boolean
}

/** The grades of everything that has one name: by schema, and the strictest of them. */
export interface Grades {
  readonly strictest: Grade
  readonly bySchema: ReadonlyMap<string, Grade>
}

/** The facts of one database. */
export interface FunctionFacts {
  /** Functions and aggregates by name. */
  readonly functions: ReadonlyMap<string, Grades>
  /** Functions that take a row as their one argument: `t.name` and `(t).name` call them where no column has the name. */
  readonly rowFunctions: ReadonlyMap<string, Grades>
  readonly operators: ReadonlyMap<string, Grades>
  /** Types with a cast or an input function of the owner's, or of an extension. */
  readonly types: ReadonlyMap<string, Grades>
  /** Tables and views of extensions. */
  readonly relations: ReadonlyMap<string, Grades>
  /** Views and tables whose definition or policies call what may write: reading them is not safe to do twice. */
  readonly writingRelations: ReadonlyMap<string, Grades>
  /** False where the database is not in UTF-8: letters outside ASCII can then fold to others than they do here. */
  readonly utf8: boolean
  /** False where `standard_conforming_strings` is off: a backslash can then end a string in another place than it does here. */
  readonly standardStrings: boolean
  /** False where PostgreSQL asks the WHERE of ON CONFLICT DO UPDATE of a row before the policies: see {@link asksPoliciesFirst}. */
  readonly policiesFirst: boolean
  /** Changes when any fact does. */
  readonly digest: string
}

/** A row of {@link functionFactsSql}. */
export interface FunctionFactRow {
  readonly kind: string
  readonly schema: string
  readonly volatility: string
  readonly source: string
  /** The function behind an operator, a cast or an aggregate; null where the names are the functions'. */
  readonly function: string | null
  /** A JSON array of names. */
  readonly names: string
}

/** What runs SQL from text, and functions that change the session or tell of it; part of a name is enough. */
const bodyWords = [
  ...['set_config', 'setseed', 'set_limit', 'advisory_', 'execute', '_to_xml', 'dblink', 'crosstab', 'connectby'],
  ...['xpath_table', 'ts_stat', 'ts_rewrite', 'currval', 'lastval'],
]

/**
 * Reads the facts. All columns are text; any role may run it. Some 50 rows on a fresh database.
 *
 * `source` is `system` (part of PostgreSQL), `extension <name>`, `owner` (SQL or PL/pgSQL), `session` (the same and not
 * volatile, but the body has one of these words; a volatile one needs a reset in any case) or `foreign` (any other
 * language). An aggregate of the owner's stands for its support functions. Object identifiers below 16384 are those of
 * initdb.
 */
export const functionFactsSql = `
with recursive members as materialized (
  select d.objid as function, e.extname
  from pg_catalog.pg_depend as d join pg_catalog.pg_extension as e on e.oid = d.refobjid
  where d.classid = 'pg_catalog.pg_proc'::regclass and d.deptype = 'e'
), traits as (
  select p.oid, p.proname::text as name, n.nspname::text as schema, p.provolatile::text as volatility, p.prokind,
    p.oid < 16384 as built_in,
    case
      when p.oid < 16384 then 'system'
      when e.extname is not null then 'extension ' || e.extname
      when l.lanname not in ('sql', 'plpgsql') then 'foreign'
      when p.provolatile <> 'v' and (
        -- Lower case by letters of ASCII alone, as PostgreSQL reads names. A body is long: a regular expression takes twice the time.
        select greatest(${bodyWords.map((word) => `strpos(body, '${word}')`).join(', ')}) > 0
        from (
          select lower(case when p.prosqlbody is null then p.prosrc else pg_catalog.pg_get_function_sqlbody(p.oid) end collate "C")
          offset 0
        ) as b (body)
      ) then 'session'
      else 'owner'
    end as source,
    -- Not of more arguments than one: see the join.
    t.oid is not null and (
      t.typtype = 'c' or b.typtype = 'c'
      or t.typname in ('record', 'any', 'anyelement', 'anynonarray', 'anycompatible', 'anycompatiblenonarray')
      or exists (
        select from pg_catalog.pg_cast as k join pg_catalog.pg_type as r on r.oid = k.castsource
        where k.castcontext = 'i' and r.typtype = 'c'
      )
    ) as takes_row
  from pg_catalog.pg_proc as p
  join pg_catalog.pg_namespace as n on n.oid = p.pronamespace
  join pg_catalog.pg_language as l on l.oid = p.prolang
  left join pg_catalog.pg_type as t
    on t.oid = case when p.pronargs > 0 and p.pronargs - p.pronargdefaults <= 1 then p.proargtypes[0] end
  left join pg_catalog.pg_type as b on b.oid = t.typbasetype
  left join members as e on e.function = p.oid
  where p.prokind <> 'p'
), converters as (
  -- A join for each way that a type can depend on another: one join by any of them would look at each pair.
  select c.target, t.volatility, t.source, t.name
  from (
    select casttarget, castfunc from pg_catalog.pg_cast
    union
    select i.oid, f.oid
    from pg_catalog.pg_type as i
    cross join lateral unnest(array[i.typinput, i.typoutput, i.typmodin]::oid[]) as f (oid)
    where f.oid >= 16384
  ) as c (target, function)
  join traits as t on t.oid = c.function and not t.built_in
), sides as (
  -- What a view or a policy reads and calls.
  select r.ev_class as relation, d.refclassid, d.refobjid
  from pg_catalog.pg_rewrite as r
  join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_rewrite'::regclass and d.objid = r.oid
  where r.oid >= 16384
  union
  select p.polrelid, d.refclassid, d.refobjid
  from pg_catalog.pg_policy as p
  join pg_catalog.pg_depend as d on d.classid = 'pg_catalog.pg_policy'::regclass and d.objid = p.oid
), writing (relation) as (
  select s.relation from sides as s join pg_catalog.pg_proc as p on p.oid = s.refobjid
  where s.refclassid = 'pg_catalog.pg_proc'::regclass and p.provolatile = 'v'
  union
  select s.relation from sides as s join pg_catalog.pg_class as c on c.oid = s.refobjid
  where s.refclassid = 'pg_catalog.pg_class'::regclass and c.relkind = 'S'
  union
  select s.relation from writing as w
  join sides as s on s.refobjid = w.relation and s.refclassid = 'pg_catalog.pg_class'::regclass
), facts as (
  select 'function' as kind, schema, volatility, source, null as function, name
  from traits where prokind <> 'a' or source <> 'foreign'
  union all
  select 'row function', schema, volatility, source, null, name
  from traits where takes_row and (prokind <> 'a' or source <> 'foreign')
  union all
  select x.kind, a.schema, s.volatility, s.source, s.name, a.name
  from traits as a
  join pg_catalog.pg_aggregate as g on g.aggfnoid = a.oid
  cross join lateral unnest(array[
    g.aggtransfn, g.aggfinalfn, g.aggcombinefn, g.aggserialfn, g.aggdeserialfn, g.aggmtransfn, g.aggminvtransfn, g.aggmfinalfn
  ]::oid[]) as f (oid)
  join traits as s on s.oid = f.oid
  cross join lateral (values ('function', true), ('row function', a.takes_row)) as x (kind, applies)
  where a.source = 'foreign' and x.applies
  union all
  select 'operator', n.nspname, t.volatility, t.source, case when o.oid >= 16384 then t.name end, o.oprname
  from pg_catalog.pg_operator as o
  join pg_catalog.pg_namespace as n on n.oid = o.oprnamespace
  join traits as t on t.oid = o.oprcode
  union all
  select 'type', n.nspname, c.volatility, c.source, c.name, y.typname
  from (
    select target, volatility, source, name, target as type from converters
    union all
    select c.target, c.volatility, c.source, c.name, y.oid from converters as c join pg_catalog.pg_type as y on y.typelem = c.target
    union all
    select c.target, c.volatility, c.source, c.name, y.oid from converters as c join pg_catalog.pg_type as y on y.typbasetype = c.target
  ) as c
  join pg_catalog.pg_type as y on y.oid = c.type
  join pg_catalog.pg_namespace as n on n.oid = y.typnamespace
  union all
  select 'relation', n.nspname, '', 'extension ' || e.extname, null, c.relname
  from pg_catalog.pg_class as c
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  join pg_catalog.pg_depend as d
    on d.classid = 'pg_catalog.pg_class'::regclass and d.objid = c.oid and d.deptype = 'e'
  join pg_catalog.pg_extension as e on e.oid = d.refobjid
  union all
  select 'writing relation', n.nspname, 'v', 'owner', null, c.relname
  from writing as w
  join pg_catalog.pg_class as c on c.oid = w.relation
  join pg_catalog.pg_namespace as n on n.oid = c.relnamespace
  union all
  select 'encoding', '', '', '', null, pg_catalog.pg_encoding_to_char(encoding)
  from pg_catalog.pg_database where datname = current_database()
  union all
  select 'standard strings', '', '', '', null, current_setting('standard_conforming_strings')
  union all
  select 'server version', '', '', '', null, current_setting('server_version_num')
)
select kind, schema::text, volatility, source, function, json_agg(distinct name::text order by name::text)::text as names
from facts group by kind, schema, volatility, source, function order by 1, 2, 3, 4, 5`

/** Changes whenever a row that {@link functionFactsSql} reads does: one row, one column, `digest`. Costs a tenth of it. */
export const factsDigestSql = `
with rows (oid, xmin) as (
  select oid, xmin from pg_catalog.pg_proc
  union all select oid, xmin from pg_catalog.pg_type
  union all select oid, xmin from pg_catalog.pg_operator
  union all select oid, xmin from pg_catalog.pg_cast
  union all select aggfnoid, xmin from pg_catalog.pg_aggregate
  union all select oid, xmin from pg_catalog.pg_namespace
  union all select oid, xmin from pg_catalog.pg_language
  union all select oid, xmin from pg_catalog.pg_extension
  union all select oid, xmin from pg_catalog.pg_rewrite
  union all select oid, xmin from pg_catalog.pg_policy
  union all select objid, xmin from pg_catalog.pg_depend
    where classid in ('pg_catalog.pg_proc'::regclass, 'pg_catalog.pg_class'::regclass) and deptype = 'e'
)
select concat_ws(' ', current_setting('standard_conforming_strings'), count(*),
  bit_xor(hashint8extended((oid::int8 << 32) | xmin::text::int8, 0)),
  bit_xor(hashint8extended((oid::int8 << 32) | xmin::text::int8, 1))) as digest
from rows`

/**
 * Grades the rows of {@link functionFactsSql}.
 *
 * A name that is not in the rows is not refused: PostgreSQL says itself that there is no such function, and one that was
 * created since is safe to call on a connection that is reset afterwards.
 */
export function parseFunctionFacts(rows: readonly FunctionFactRow[]): FunctionFacts {
  const kinds = new Map<string, Map<string, OpenGrades>>()
  const hash = createHash('sha256')
  for (const row of rows) {
    hash.update(JSON.stringify(row))
    const grades = kinds.get(row.kind) ?? new Map<string, OpenGrades>()
    kinds.set(row.kind, grades)
    for (const name of toNames(row.names)) addGrade(grades, row, name)
  }
  const [version = '0'] = kinds.get('server version')?.keys() ?? []
  const of = (kind: string): ReadonlyMap<string, Grades> => kinds.get(kind) ?? new Map()
  return {
    functions: of('function'),
    rowFunctions: of('row function'),
    operators: of('operator'),
    types: of('type'),
    relations: of('relation'),
    writingRelations: of('writing relation'),
    utf8: of('encoding').has('UTF8'),
    standardStrings: of('standard strings').has('on'),
    policiesFirst: asksPoliciesFirst(Number(version)),
    digest: hash.digest('hex'),
  }
}

/** The minor versions of November 2026, the first to do what {@link asksPoliciesFirst} says. */
export const policiesFirstVersions = [150_020, 160_016, 170_012, 180_006]

/**
 * Whether PostgreSQL asks the policies about the row in the way of an INSERT before the WHERE of ON CONFLICT DO UPDATE. Where
 * it does not, that condition reads a row that the policies hide: `where t.secret::int = 1` has it in the message.
 *
 * @param version `server_version_num`; of another major nothing is known, and so false
 */
export function asksPoliciesFirst(version: number): boolean {
  const major = Math.floor(version / 10_000)
  return policiesFirstVersions.some((each) => Math.floor(each / 10_000) === major && version >= each)
}

/** The grade of a name in one schema, or the strictest of all schemas; undefined when nothing has the name. */
export function findGrade(
  facts: ReadonlyMap<string, Grades>,
  schema: string | undefined,
  name: string,
): Grade | undefined {
  const grades = facts.get(name)
  return schema === undefined ? grades?.strictest : grades?.bySchema.get(schema)
}

interface OpenGrades {
  strictest: Grade
  readonly bySchema: Map<string, Grade>
}

function addGrade(grades: Map<string, OpenGrades>, row: FunctionFactRow, name: string): void {
  const grade = gradeOf(row, row.function ?? name)
  const known = grades.get(name)
  if (known === undefined) {
    grades.set(name, { strictest: grade, bySchema: new Map([[row.schema, grade]]) })
  } else {
    known.strictest = stricter(known.strictest, grade)
    known.bySchema.set(row.schema, stricter(known.bySchema.get(row.schema) ?? grade, grade))
  }
}

function toNames(json: string): string[] {
  // Written by json_agg over text.
  return JSON.parse(json) as string[]
}

/**
 * A volatile function of the owner's needs a reset, and so does every function in a language that can reach past SQL. One
 * that is declared STABLE or IMMUTABLE in SQL or PL/pgSQL is taken at its word: PostgreSQL forbids it every utility command
 * (SET, LISTEN, CREATE TEMP TABLE …), so that only a call such as set_config is left, and a body that names one, or
 * that may be handed one as text, is known by its source `session`.
 */
function gradeOf({ source, volatility }: FunctionFactRow, name: string): Grade {
  const instead = findRefusedFunction(name)
  if (instead !== undefined) return { kind: 'refused', instead, beyond: true }
  const isVolatile = volatility === 'v'
  if (source === 'system') {
    return isVolatile && !isHarmlessFunction(name)
      ? { kind: 'refused', instead: unreviewedFunction, beyond: true }
      : { kind: 'fast', beyond: false }
  }
  if (source.startsWith('extension ')) {
    const extension = source.slice('extension '.length)
    if (isRefusedExtension(extension)) return { kind: 'refused', instead: unreviewedFunction, beyond: true }
    const isHarmless = isHarmlessFunction(name, extension)
    // A table has no volatility: it is what the statement names.
    const beyond = !isHarmless && volatility !== 'i' && volatility !== ''
    return { kind: isVolatile && !isHarmless ? 'reset' : 'fast', beyond }
  }
  return { kind: source === 'owner' && !isVolatile ? 'fast' : 'reset', beyond: true }
}

const strictness = { fast: 0, reset: 1, refused: 2 }

function stricter(one: Grade, other: Grade): Grade {
  const grade = strictness[one.kind] >= strictness[other.kind] ? one : other
  return grade.beyond ? grade : { ...grade, beyond: one.beyond || other.beyond }
}
