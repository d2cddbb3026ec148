/**
 * Functions and operators of the connected server that the generator may use: those that the judge lets pass beside other
 * requests, over types that it can write, and whose result depends on nothing but their arguments.
 */
import type pg from 'pg'
import { type FunctionFactRow, findGrade, functionFactsSql, parseFunctionFacts } from '../../src/statement/facts.ts'

/** A function, aggregate or operator with its types. */
export interface Signature {
  readonly kind: 'function' | 'aggregate' | 'window' | 'operator'
  /** As it is written. */
  readonly name: string
  readonly args: readonly string[]
  readonly result: string
}

export interface Catalog {
  readonly version: number
  /** By kind and result type: `function int4`. */
  readonly byResult: ReadonlyMap<string, readonly Signature[]>
  readonly count: number
}

const baseTypes = [
  ...['bool', 'int2', 'int4', 'int8', 'float8', 'numeric', 'text', 'date', 'time', 'timestamp', 'interval', 'uuid'],
  ...[
    'jsonb',
    'bytea',
    'int4range',
    'bit',
    'inet',
    '_int4',
    '_text',
    '_bool',
    '_numeric',
    'tsvector',
    'tsquery',
    'jsonpath',
  ],
]

/** Stable ones whose result depends on settings that all sessions have alike. */
const steady = new Set(
  (
    'concat concat_ws format to_char array_to_string jsonb_build_object jsonb_build_array to_jsonb jsonb_agg ' +
    'jsonb_object_agg jsonb_path_query_array jsonb_path_exists json_build_object to_date quote_nullable quote_literal'
  ).split(' '),
)

/**
 * Results grow without bound, depend on the order of rows or on the server's settings, or are not of this database.
 * What `to_ascii` says of a value is no error of class 22, so that nothing tells it from one of the statement.
 */
const left =
  /^(extract|date_part|date_trunc|repeat|lpad|rpad|factorial|pow|power|dpow|numeric_power|exp|dexp|numeric_exp|generate_series.*|int[248]shl|any_value|mode|set_bit|.*_(send|recv|in|out)|.*hash.*|.*sel|.*(transfn|finalfn|combine|accum.*|_inv|serialize.*)|pg_.*|ts_.*|has_.*|.*_support|json_object_agg.*|.*_tz|obj_description|col_description|shobj_description|.*regress.*|xml.*|.*_larger|.*_smaller|convert.*|dsqrt|btint.*|array_fill|unicode_version|icu_.*|version|percentile.*|jsonb_path_.*|decode|date_bin|set_byte|get_byte|get_bit|to_number|to_date|to_timestamp|parse_ident|to_ts.*|phraseto.*|plainto.*|websearch.*|casefold|unistr|to_ascii|chr|similar.*|textregex.*|like_escape|rand.*|numeric_.*|float8_.*|int[248]_.*|money.*|cash.*|cidr.*|macaddr.*|point.*|box.*|circle.*|lseg.*|path.*|poly.*|in_range.*|range_(canonical|constructor).*)$/

/** Operators whose results grow, or whose meaning is a pattern that is seldom valid. */
const leftOperators = new Set(['^', '<<', '~', '!~', '~*', '!~*', '@@', '@@@', '@?', '!!', '->>', '|/', '||/'])

interface Row {
  readonly kind: Signature['kind']
  readonly name: string
  readonly args: readonly string[]
  readonly result: string
  readonly volatility: string
  readonly keyword: boolean
}

const signaturesSql = `
  select case p.prokind when 'a' then 'aggregate' when 'w' then 'window' else 'function' end as kind, p.proname as name,
    array(select t.typname::text from unnest(p.proargtypes) with ordinality a (o, n) join pg_type t on t.oid = a.o order by a.n) as args,
    r.typname as result, p.provolatile as volatility,
    p.proname::text in (select word from pg_get_keywords() where catcode <> 'U') as keyword
  from pg_proc p join pg_type r on r.oid = p.prorettype
  where p.pronamespace = 'pg_catalog'::regnamespace and p.prokind in ('f', 'a', 'w') and not p.proretset
    and p.provariadic = 0 and p.oid not in (select aggfnoid from pg_aggregate where aggkind <> 'n')
  union all
  select 'operator', o.oprname, case when o.oprleft = 0 then array[y.typname::text] else array[x.typname::text, y.typname::text] end,
    r.typname, p.provolatile, false
  from pg_operator o join pg_proc p on p.oid = o.oprcode join pg_type r on r.oid = o.oprresult
  join pg_type y on y.oid = o.oprright left join pg_type x on x.oid = o.oprleft
  where o.oprnamespace = 'pg_catalog'::regnamespace and not p.proretset`

/** Element types that stand for `anyelement` and its kin. */
const elements = ['int4', 'text', 'bool', 'numeric']

/** Reads the catalog. */
export async function readSignatures(client: pg.Client): Promise<Catalog> {
  const facts = parseFunctionFacts((await client.query<FunctionFactRow>(functionFactsSql)).rows)
  const { rows } = await client.query<Row>(`select * from (${signaturesSql}) s order by kind, name, args::text, result`)
  const byResult = new Map<string, Signature[]>()
  const found: Signature[] = []
  for (const row of rows) {
    const isOperator = row.kind === 'operator'
    const grade = findGrade(isOperator ? facts.operators : facts.functions, 'pg_catalog', row.name)
    if (grade?.kind === 'refused' || grade?.kind === 'reset') continue
    if (row.volatility !== 'i' && !steady.has(row.name) && row.kind === 'function') continue
    if (isOperator ? leftOperators.has(row.name) : left.test(row.name)) continue
    for (const { args, result } of instantiate(row)) {
      const known = [...args, result].every((type) => baseTypes.includes(type))
      if (!known || (row.kind === 'aggregate' && args.includes('float8'))) continue
      const signature = { kind: row.kind, name: row.keyword ? `"${row.name}"` : row.name, args, result }
      found.push(signature)
    }
  }
  const count = found.length
  for (const signature of await keepValid(client, found)) {
    const key = `${signature.kind} ${signature.result}`
    const list = byResult.get(key) ?? []
    if (list.length === 0) byResult.set(key, list)
    list.push(signature)
  }
  const version = await client.query<{ number: number }>(`select current_setting('server_version_num')::int as number`)
  return { version: version.rows[0]?.number ?? 0, byResult, count }
}

/** Those that PostgreSQL can call with these types. */
async function keepValid(client: pg.Client, signatures: readonly Signature[]): Promise<Signature[]> {
  await client.query(`
    create function pg_temp.state_of(expression text) returns text language plpgsql as $$
    begin execute 'select ' || expression || ' limit 0'; return '00000';
    exception when others then return sqlstate; end $$`)
  const texts = signatures.map(({ kind, name, args }) => {
    const given = args.map((type) => `null::${type}`)
    if (kind !== 'operator') return `${name}(${kind === 'aggregate' && given.length === 0 ? '*' : given.join(', ')})`
    return given.length === 1 ? `${name} ${given[0]}` : given.join(` ${name} `)
  })
  const { rows } = await client.query<{ state: string }>({
    text: `select pg_temp.state_of(text) as state from unnest($1::text[]) with ordinality t (text, n) order by n`,
    values: [texts],
  })
  return signatures.filter((_, index) => !/^(42|0A)/.test(rows[index]?.state ?? ''))
}

/** A polymorphic function once for each type that stands for its own. */
function instantiate({ args, result }: Row): { args: string[]; result: string }[] {
  if (![...args, result].some((type) => type.startsWith('any'))) return [{ args: [...args], result }]
  return elements.map((element) => {
    const replace = (type: string) => {
      if (/^any(compatible)?array$/.test(type)) return `_${element}`
      if (/^any(compatible|element|nonarray|compatiblenonarray)?$/.test(type)) return element
      return type === 'anyenum' || type.startsWith('any') ? 'none' : type
    }
    return { args: args.map(replace), result: replace(result) }
  })
}
