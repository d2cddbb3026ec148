/**
 * Expressions of a wanted type.
 */
import type { Signature } from './catalog.ts'
import { selectOne, subquery } from './queries.ts'
import { chance, columnOf, type Draw, isExact, orderOf, pick, type Scope, several } from './scope.ts'
import { list, sql, type Tree, typed } from './tree.ts'

/** Values by type, as text, of which few make functions fail. */
const values: Readonly<Record<string, readonly string[]>> = {
  bool: ['true', 'false'],
  int2: ['1', '2', '3', '7'],
  int4: ['0', '1', '2', '3', '4', '7', '-1', '12'],
  int8: ['0', '1', '2', '5', '4000000000'],
  float8: ['0', '1', '0.5', '-2.25', '3'],
  numeric: ['0', '1', '1.50', '0.001', '-3', '20'],
  text: ['', 'a', 'Plan', 'b,c', 'x%', 'Ärger', '10'],
  date: ['2024-01-01', '2024-02-29', '1999-12-31'],
  time: ['00:00', '12:34:56', '23:59:59'],
  timestamp: ['2024-01-01 00:00', '2024-05-05 05:05:05.5'],
  interval: ['1 day', '2 hours', '1 mon', '-3 min'],
  uuid: ['00000000-0000-4000-8000-000000000001', 'a3bb189e-8bf9-4888-9912-ace4e6543002'],
  jsonb: ['{}', '[]', '{"size": 1}', '[1, "a", null]', '"text"', '5', 'null'],
  bytea: ['\\x', '\\x00ff', '\\x616263'],
  int4range: ['[1,5)', '(,3]', 'empty', '[2,)'],
  bit: ['1', '0'],
  inet: ['10.0.0.1', '192.168.0.0/16', '::1'],
  _int4: ['{}', '{1,2,3}', '{7}', '{2,null}'],
  _text: ['{}', '{a,b}', '{a}', '{"b c",null}'],
  _bool: ['{true}', '{}'],
  _numeric: ['{1.5,2}', '{}'],
  tsvector: ['a b c', 'plan:1 report:2'],
  tsquery: ['a & b', 'plan'],
  jsonpath: ['$.size', '$[*]', '$'],
}

export const commonTypes = [
  'int4',
  'text',
  'bool',
  'int4',
  'text',
  'numeric',
  'date',
  'jsonb',
  '_text',
  'int8',
  'timestamp',
]
const anyTypes = [...Object.keys(values), ...commonTypes, ...commonTypes]

export const someType = (draw: Draw): string => pick(draw, chance(draw, 75) ? commonTypes : anyTypes)

/** A constant, as a literal or as a parameter. */
export function constant(draw: Draw, type: string, samples?: readonly string[]): Tree {
  const known = samples === undefined || samples.length === 0 ? values[type] : samples
  const value = known === undefined || chance(draw, 4) ? null : pick(draw, known)
  return constantOf(draw, type, value)
}

export function constantOf(draw: Draw, type: string, value: string | null): Tree {
  if (chance(draw, 30)) return typed(type, sql`${{ kind: 'param', value }}::${type}`)
  if (value === null) return typed(type, sql`null::${type}`)
  return typed(type, sql`'${value.replaceAll("'", "''")}'::${type}`)
}

/** An expression of the type over what is in scope. */
export function expression(draw: Draw, type: string, scope: Scope, depth: number): Tree {
  const column = chance(draw, depth > 0 ? 35 : 75) ? someColumn(draw, type, scope) : undefined
  if (column !== undefined) return column
  if (depth <= 0) return constant(draw, type)
  if (type === 'bool' && chance(draw, 65)) return condition(draw, scope, depth)
  const inner = (of: string) => expression(draw, of, scope, depth - 1)
  switch (draw.below(12)) {
    case 0:
      return constant(draw, type)
    case 1:
      return typed(
        type,
        sql`case when ${condition(draw, scope, depth - 1)} then ${inner(type)} else ${inner(type)} end`,
      )
    case 2:
      return typed(type, sql`coalesce(${list([inner(type), inner(type)])})`)
    case 3:
      return typed(type, sql`(${selectOne(draw, type, scope, depth - 1)})`)
    case 4:
      if (type === 'text') return typed(type, sql`(${inner(someType(draw))})::text`)
      return isExact(draw, type)
        ? typed(type, sql`${pick(draw, ['greatest', 'least'])}(${list([inner(type), inner(type)])})`)
        : inner(type)
    case 5:
      if (type.startsWith('_'))
        return typed(type, sql`array[${list(several(draw, 1, 2, () => inner(type.slice(1))))}]::${type}`)
      return constant(draw, type)
    default:
      return call(draw, type, inner) ?? constant(draw, type)
  }
}

function call(draw: Draw, type: string, inner: (type: string) => Tree): Tree | undefined {
  const signatures = draw.catalog.byResult.get(`${chance(draw, 50) ? 'function' : 'operator'} ${type}`)
  return signatures === undefined ? undefined : apply(pick(draw, signatures), inner)
}

function apply({ kind, name, args, result }: Signature, inner: (type: string) => Tree): Tree {
  const [left, right] = args
  if (kind === 'operator' && left !== undefined) {
    const given = right === undefined ? sql`(${name} ${inner(left)})` : sql`(${inner(left)} ${name} ${inner(right)})`
    return typed(result, given)
  }
  return typed(result, sql`${name}(${args.length === 0 ? '' : list(args.map(inner), ', ', args.length)})`)
}

function someColumn(draw: Draw, type: string, scope: Scope): Tree | undefined {
  const columns = scope.flatMap((source) =>
    source.columns.filter((column) => column.type === type).map((column) => ({ source, column })),
  )
  const chosen = columns.length === 0 ? undefined : pick(draw, columns)
  return chosen && columnOf(chosen.source, chosen.column)
}

/** A condition, mostly one that is true for some rows. */
export function condition(draw: Draw, scope: Scope, depth: number): Tree {
  const inner = () => condition(draw, scope, depth - 1)
  const choice = depth <= 0 ? 5 + draw.below(5) : draw.below(14)
  switch (choice) {
    case 0:
      return typed('bool', sql`(${list([inner(), inner()], ' and ')})`)
    case 1:
      return typed('bool', sql`(${list([inner(), inner()], ' or ')})`)
    case 2:
      return typed('bool', sql`(not ${inner()})`)
    case 3:
      return typed(
        'bool',
        sql`${pick(draw, ['exists', 'not exists'])} (${subquery(draw, scope, depth - 1, undefined)})`,
      )
    case 4: {
      const type = pick(draw, ['int4', 'text', 'date'])
      const left = expression(draw, type, scope, depth - 1)
      return typed(
        'bool',
        sql`(${left} ${pick(draw, ['in', 'not in', '= any', '< all'])} (${subquery(draw, scope, depth - 1, [type])}))`,
      )
    }
    case 10:
    case 11: {
      const call = draw.catalog.byResult.get(`${chance(draw, 50) ? 'function' : 'operator'} bool`) ?? []
      return apply(pick(draw, call), (type) => expression(draw, type, scope, depth - 1))
    }
    default:
      return comparison(draw, scope, depth)
  }
}

function comparison(draw: Draw, scope: Scope, depth: number): Tree {
  const columns = scope.flatMap((source) => source.columns.map((column) => ({ source, column })))
  if (columns.length === 0) return typed('bool', sql`${constant(draw, 'int4')} < ${constant(draw, 'int4')}`)
  const { source, column } = pick(draw, columns)
  const left = columnOf(source, column)
  const other = () =>
    chance(draw, 65) ? constant(draw, column.type, column.samples) : expression(draw, column.type, scope, depth - 1)
  switch (draw.below(8)) {
    case 0:
      return typed('bool', sql`${left} is ${pick(draw, ['null', 'not null'])}`)
    case 1:
      if (column.type === 'bool')
        return typed('bool', sql`${left} is ${pick(draw, ['', 'not '])}${pick(draw, ['true', 'unknown'])}`)
      return typed('bool', sql`${left} in (${list(several(draw, 1, 3, other))})`)
    case 2:
      return typed(
        'bool',
        sql`${left} ${pick(draw, ['between', 'not between', 'between symmetric'])} ${other()} and ${other()}`,
      )
    case 3:
      if (column.type === 'text')
        return typed('bool', sql`${left} ${pick(draw, ['like', 'not like', 'ilike'])} ${other()}`)
      return typed('bool', sql`${left} is ${pick(draw, ['', 'not '])}distinct from ${other()}`)
    case 4:
      if (column.type.startsWith('_')) return typed('bool', sql`${left} @> ${other()}`)
      return typed('bool', sql`${left} = ${pick(draw, ['any', 'all'])} (array[${list(several(draw, 1, 3, other))}])`)
    default:
      return typed('bool', sql`${left} ${pick(draw, ['=', '=', '<>', '<', '>=', '<=', '>'])} ${other()}`)
  }
}

/** A call of an aggregate of the server's, with its arguments in order where that matters. */
export function aggregate(draw: Draw, scope: Scope, depth: number): Tree {
  const kinds = [...draw.catalog.byResult.keys()].filter((key) => key.startsWith('aggregate '))
  const { name, args, result } = pick(draw, draw.catalog.byResult.get(pick(draw, kinds)) ?? [])
  const filter = chance(draw, 15) ? sql` filter (where ${condition(draw, scope, depth - 1)})` : ''
  if (args.length === 0) return typed(result, sql`${name}(*)${filter}`)
  const given = args.map((type) => expression(draw, type, scope, depth - 1))
  const ordered = !/^(_|text$|jsonb?$|bytea$|tsvector)/.test(result) || /^(min|max)$/.test(name) ? '' : orderBy(given)
  const [first] = args
  // Of two that are equal, and not written alike, it would be chance which one is the greatest.
  if (/^(min|max)$/.test(name) && first !== undefined && !isExact(draw, first)) return sql`count(${list(given)})`
  return typed(result, sql`${name}(${list(given, ', ', args.length)}${ordered})${filter}`)
}

/** Values that are equal, and not written alike, come in the order of their text. */
function orderBy(given: readonly Tree[]): Tree {
  return sql` order by ${list(
    given.map((each) => sql`(${each})::text`),
    ', ',
    given.length,
  )}`
}

/** A window function, over rows in a full order. */
export function windowCall(draw: Draw, sources: Scope, depth: number): Tree {
  const order = orderOf(sources)
  const type = someType(draw)
  const value = expression(draw, type, sources, depth - 1)
  const calls = [
    typed('int8', sql`${pick(draw, ['row_number', 'rank', 'dense_rank'])}()`),
    typed('float8', sql`${pick(draw, ['percent_rank', 'cume_dist'])}()`),
    typed(type, sql`${pick(draw, ['lag', 'lead', 'first_value', 'last_value'])}(${value})`),
    typed('int8', sql`count(*)`),
    typed('int8', sql`sum(${expression(draw, 'int4', sources, depth - 1)})`),
    typed('int4', sql`ntile(${pick(draw, ['1', '2', '3'])})`),
  ]
  const call = pick(draw, calls)
  const partition = chance(draw, 50) ? sql`partition by ${pick(draw, order)}` : ''
  const frame = chance(draw, 25)
    ? pick(draw, [
        ' rows between 1 preceding and 1 following',
        ' groups between unbounded preceding and current row exclude ties',
        ' rows unbounded preceding',
      ])
    : ''
  const by = sql` order by ${list(order, ', ', order.length)}`
  return typed(call.type ?? 'text', sql`${call} over (${partition}${by}${frame})`)
}
