/**
 * Queries: what stands in FROM, and everything that can be done with its rows.
 */
import { aggregate, condition, constant, expression, someType, windowCall } from './expressions.ts'
import type { Table } from './schema.ts'
import {
  chance,
  columnOf,
  type Draw,
  fresh,
  isExact,
  type Named,
  orderOf,
  pick,
  type Scope,
  type Source,
  type SourceColumn,
  several,
} from './scope.ts'
import { empty, list, optional, type Purpose, sql, type Tree, typed } from './tree.ts'

/** A query and what it gives. */
export interface Query {
  readonly tree: Tree
  readonly columns: readonly SourceColumn[]
}

/** What FROM has so far. */
interface From {
  readonly tree: Tree
  readonly sources: Scope
}

export function toSource(table: Table, alias: string, target: boolean): Source {
  const { name, columns, key } = table
  const readable = columns.filter(({ closed }) => closed?.includes('select') !== true)
  return { alias, key, table: name, target, columns: readable }
}

/** A reference to a table of the schema. */
export function tableAs(table: Table, purpose: Purpose, alias: string): Tree {
  return sql`${{ kind: 'table', table: table.name, purpose, alias }}`
}

/** Rows for a query: mostly a table's. */
function item(draw: Draw, before: Scope, outer: Scope, depth: number, purpose: 'select' | 'lock'): From {
  const alias = fresh(draw, 'a')
  const { schema, ctes } = draw
  const choice = purpose === 'lock' ? 0 : draw.below(depth > 0 ? 20 : 13)
  if (choice < 12) {
    const tables = purpose === 'lock' ? schema.tables.filter(({ grants }) => grants.includes('update')) : schema.tables
    const table = pick(draw, tables)
    const sampled =
      purpose === 'select' && table.readOnly !== true && draw.below(400) === 0
        ? sql`${{ kind: 'gateway only', text: pick(draw, [' tablesample bernoulli (100)', ' tablesample system (100)']) }}`
        : empty
    return { tree: sql`${tableAs(table, purpose, alias)}${sampled}`, sources: [toSource(table, alias, false)] }
  }
  if (choice === 12) {
    const [from, to] = [draw.below(3), draw.below(5)]
    return derived(alias, sql`generate_series(${from}, ${to})`, [{ name: 'n', type: 'int4', samples: [] }])
  }
  if (choice < 15 && ctes.length > 0) {
    const cte = pick(draw, ctes)
    return { ...derived(alias, empty, cte.columns), tree: sql`${cte.name} as ${alias}` }
  }
  if (choice === 15) {
    const types = several(draw, 1, 3, () => pick(draw, ['int4', 'text', 'date']))
    const rows = several(
      draw,
      1,
      3,
      () =>
        sql`(${list(
          types.map((type) => constant(draw, type)),
          ', ',
          types.length,
        )})`,
    )
    return derived(
      alias,
      sql`(values ${list(rows)})`,
      types.map((type, index) => ({ name: `v${index + 1}`, type, samples: [] })),
    )
  }
  if (choice < 18 && before.length > 0) {
    const { tree, columns } = query(draw, [...outer, ...before], depth - 1)
    return derived(alias, sql`lateral (${tree})`, columns)
  }
  const { tree, columns } = query(draw, outer, depth - 1)
  return derived(alias, sql`(${tree})`, columns)
}

function derived(alias: string, tree: Tree, columns: readonly SourceColumn[]): From {
  const names = columns.map(({ name }) => name)
  const source = { alias, columns, key: names, table: undefined, target: false }
  return { tree: sql`${tree} as ${alias}(${names.join(', ')})`, sources: [source] }
}

/** FROM, with joins of every kind. */
export function from(draw: Draw, outer: Scope, depth: number, purpose: 'select' | 'lock' = 'select', most = 3): From {
  let { tree, sources } = item(draw, [], outer, depth, purpose)
  const more = chance(draw, 55) ? 0 : 1 + draw.below(most - 1)
  for (let index = 0; index < more; index++) {
    const next = item(draw, sources, outer, depth - 1, purpose)
    const both = [...sources, ...next.sources]
    const equal = equalColumns(draw, sources, next.sources)
    const kinds =
      purpose === 'lock' ? ['join', ','] : ['join', 'left join', 'left join', 'right join', 'full join', ',']
    let kind = pick(draw, kinds)
    const lateral = next.tree.pieces.some(
      (piece) => typeof piece === 'object' && 'pieces' in piece && piece.pieces[0] === 'lateral (',
    )
    if (kind === 'full join' && equal === undefined) kind = 'join'
    if (lateral && kind !== ',') kind = pick(draw, ['join', 'left join'])
    if (kind === ',') tree = sql`${tree} cross join ${next.tree}`
    else {
      const on = equal ?? condition(draw, both, 1)
      const also =
        kind !== 'full join' && chance(draw, 20) ? sql` and ${condition(draw, [...outer, ...both], 1)}` : empty
      tree = sql`${tree} ${kind} ${next.tree} on ${on}${optional(also)}`
    }
    sources = both
  }
  return { tree, sources }
}

function equalColumns(draw: Draw, left: Scope, right: Scope): Tree | undefined {
  const pairs = left.flatMap((l) =>
    l.columns.flatMap((one) =>
      right.flatMap((r) => r.columns.filter(({ type }) => type === one.type).map((other) => ({ l, one, r, other }))),
    ),
  )
  const better = pairs.filter(({ one }) => one.name.endsWith('id') || one.type !== 'bool')
  if (better.length === 0) return undefined
  const { l, one, r, other } = pick(draw, better)
  return typed('bool', sql`${columnOf(l, one)} = ${columnOf(r, other)}`)
}

/** A whole query, in one order where its rows are counted off. */
export function query(draw: Draw, outer: Scope, depth: number, types?: readonly string[]): Query {
  const wanted = types ?? (chance(draw, 15) && depth > 0 ? several(draw, 1, 3, () => exactType(draw)) : undefined)
  if (wanted !== undefined && depth > 0 && chance(draw, types === undefined ? 100 : 10)) {
    const sides = several(draw, 2, 2, () => core(draw, outer, depth - 1, wanted))
    const operator = pick(draw, ['union', 'union all', 'intersect', 'except', 'except all', 'intersect all'])
    const [first] = sides
    const tree = sql`(${list(
      sides.map(({ tree }) => sql`(${tree})`),
      ` ${operator} `,
    )})${ending(draw, wanted.length)}`
    return { tree, columns: first?.columns ?? [] }
  }
  return core(draw, outer, depth, wanted)
}

const exactType = (draw: Draw): string => pick(draw, ['int4', 'text', 'date', 'bool', 'int8'])

/** `order by` all columns, and what follows from there being an order. */
export function ending(draw: Draw, width: number, always = false): Tree {
  if (!always && chance(draw, 50)) return empty
  const positions = Array.from({ length: width }, (_, index) => index + 1)
  const by = positions.map((n) => `${n}${pick(draw, ['', '', ' desc', ' desc nulls last', ' nulls first'])}`).join(', ')
  const limit = chance(draw, 40) ? sql` limit ${pick(draw, ['1', '2', '3', '5', '0', 'all'])}` : empty
  const offset = chance(draw, 15) ? sql` offset ${draw.below(3)}` : empty
  return optional(sql`${{ kind: 'ordered' }} order by ${by}${optional(limit)}${optional(offset)}`)
}

/** One SELECT. */
function core(draw: Draw, outer: Scope, depth: number, types?: readonly string[]): Query {
  const rows = from(draw, outer, depth)
  const scope = [...outer, ...rows.sources]
  const width = types?.length ?? 1 + draw.below(4)
  const grouped = chance(draw, 22) ? groups(draw, rows.sources) : undefined
  const items = Array.from({ length: width }, (_, index) => {
    const value = output(draw, scope, rows.sources, grouped, depth, types?.[index])
    return { name: `c${index + 1}`, type: value.type ?? 'text', samples: [], tree: value }
  })
  const selected = list(
    items.map(({ name, tree }) => sql`${tree} as ${name}`),
    ', ',
    types === undefined ? 1 : width,
  )
  const where = chance(draw, 60) ? sql` where ${condition(draw, scope, depth)}` : empty
  const grouping = grouped === undefined ? empty : sql` group by ${grouped.tree}`
  const having =
    grouped !== undefined && chance(draw, 25) ? sql` having ${aggregateCondition(draw, rows.sources)}` : empty
  const distinct = chance(draw, 12) ? pick(draw, ['distinct ', 'on']) : ''
  const cut = distinct !== 'on' && chance(draw, 3)
  const end = cut
    ? optional(sql`${{ kind: 'no model' }} limit ${1 + draw.below(3)}`)
    : ending(draw, width, distinct === 'on')
  const body = sql`${selected} from ${rows.tree}${optional(where)}${grouping}${optional(having)}`
  const tree =
    distinct === 'on'
      ? sql`select distinct on (1) ${body}${{ pieces: end.pieces }}`
      : sql`select ${distinct}${body}${end}`
  return { tree, columns: items }
}

function aggregateCondition(draw: Draw, sources: Scope): Tree {
  return typed('bool', sql`count(${pick(draw, orderOf(sources))}) ${pick(draw, ['>', '<', '='])} ${draw.below(4)}`)
}

interface Groups {
  readonly tree: Tree
  readonly keys: readonly Tree[]
}

function groups(draw: Draw, sources: Scope): Groups | undefined {
  const candidates = sources.flatMap((source) =>
    source.columns.filter(({ type }) => isExact(draw, type)).map((column) => columnOf(source, column)),
  )
  if (candidates.length === 0) return undefined
  const keys = several(draw, 1, 2, () => pick(draw, candidates))
  const [first = empty, second = first] = keys
  const plain = list(keys, ', ', keys.length)
  // Before 18 PostgreSQL takes a column that WHERE fixes for fixed in every grouping set: DISTINCT loses rows.
  if (draw.catalog.version < 180_000) return { tree: plain, keys }
  const forms = [
    plain,
    plain,
    sql`rollup (${list(keys, ', ', keys.length)})`,
    sql`cube (${list(keys, ', ', keys.length)})`,
    sql`grouping sets ((${first}), (${second}), ())`,
    sql`distinct rollup (${first}, ${second}), ${first}`,
  ]
  return { tree: pick(draw, forms), keys }
}

/** One column of a result; where equal values can be written in several ways it is their text. */
function output(
  draw: Draw,
  scope: Scope,
  sources: Scope,
  grouped: Groups | undefined,
  depth: number,
  type?: string,
): Tree {
  const value = someValue(draw, scope, sources, grouped, depth, type)
  if (type !== undefined) return value.type === type ? value : typed(type, sql`(${value})::text::${type}`)
  return isExact(draw, value.type ?? 'none') ? value : typed('text', sql`(${value})::text`)
}

function someValue(
  draw: Draw,
  scope: Scope,
  sources: Scope,
  grouped: Groups | undefined,
  depth: number,
  type?: string,
): Tree {
  if (grouped !== undefined) {
    const keys = type === undefined ? grouped.keys : grouped.keys.filter((key) => key.type === type)
    if (keys.length > 0 && chance(draw, 50)) return pick(draw, keys)
    if (type !== undefined) return constant(draw, type)
    return chance(draw, 10) ? typed('int4', sql`grouping(${grouped.keys[0] ?? ''})`) : aggregate(draw, scope, depth)
  }
  if (type === undefined && chance(draw, 8)) return windowCall(draw, sources, depth)
  if (type === undefined && chance(draw, 5)) {
    const rows = sources.filter(({ table }) => table !== undefined)
    if (rows.length > 0) return wholeRow(draw, pick(draw, rows))
  }
  return expression(draw, type ?? someType(draw), scope, depth)
}

/** `t::text`, which reads every column. */
function wholeRow(draw: Draw, source: Source): Tree {
  return typed('text', sql`${everyColumn(draw, source)}${`${source.alias}::text`}`)
}

/** What is read by the name of a row or a star, those columns included that nobody may read. */
function everyColumn({ schema }: Draw, { table: name, target }: Source): Tree {
  const columns = schema.tables.find((table) => table.name === name)?.columns ?? []
  return { pieces: columns.map((column) => ({ kind: 'column', table: name ?? '', column: column.name, target })) }
}

/** A query of one row at most. */
export function selectOne(draw: Draw, type: string, outer: Scope, depth: number): Tree {
  const rows = from(draw, outer, depth - 1, 'select', 2)
  const scope = [...outer, ...rows.sources]
  const where = optional(sql` where ${condition(draw, scope, depth)}`)
  if (['int4', 'int8', 'text', 'date', 'bool'].includes(type) && chance(draw, 60)) {
    const value = expression(draw, type, scope, depth - 1)
    if (type === 'bool') return sql`select bool_or(${value}) from ${rows.tree}${where}`
    return sql`select ${pick(draw, ['min', 'max'])}(${value}) from ${rows.tree}${where}`
  }
  const order = orderOf(rows.sources)
  return sql`select ${expression(draw, type, scope, depth - 1)} from ${rows.tree}${where} order by ${list(order, ', ', order.length)} limit 1`
}

/** A query for EXISTS or IN, of these types. */
export function subquery(draw: Draw, outer: Scope, depth: number, types: readonly string[] | undefined): Tree {
  if (types !== undefined) return query(draw, outer, depth, types).tree
  const rows = from(draw, outer, depth, 'select', 2)
  const star = sql`*${{ pieces: rows.sources.map((source) => everyColumn(draw, source)) }}`
  return sql`select ${pick(draw, [empty, sql`1`, star])} from ${rows.tree}${optional(sql` where ${condition(draw, [...outer, ...rows.sources], depth)}`)}`
}

/** Common table expressions, and the draw that knows them. */
export function common(draw: Draw, depth: number): { readonly clause: Tree; readonly draw: Draw } {
  if (!chance(draw, 14)) return { clause: empty, draw }
  const ctes: Named[] = []
  const texts: Tree[] = []
  let inner = draw
  for (let index = 0; index <= draw.below(2); index++) {
    const name = fresh(draw, 'w')
    const { tree, columns } = chance(draw, 15) ? recursive(draw, name) : query(inner, [], depth - 1)
    texts.push(
      sql`${name}(${columns.map((column) => column.name).join(', ')}) as ${pick(draw, ['', '', 'materialized ', 'not materialized '])}(${tree})`,
    )
    ctes.push({ name, columns })
    inner = withCtes(draw, ctes)
  }
  return { clause: optional(sql`with recursive ${list(texts)} `), draw: inner }
}

/** A draw that knows further queries by name; names go on being counted in the first one. */
export function withCtes(draw: Draw, ctes: readonly Named[]): Draw {
  return {
    ...draw,
    ctes: [...draw.ctes, ...ctes],
    get names() {
      return draw.names
    },
    set names(count) {
      draw.names = count
    },
  }
}

/** Counts, or follows a table's rows. */
function recursive(draw: Draw, name: string): Query {
  const columns = [{ name: 'n', type: 'int4', samples: [] }]
  if (chance(draw, 50))
    return { columns, tree: sql`select 1 union all select n + 1 from ${name} where n < ${2 + draw.below(5)}` }
  const rows = from(draw, [], 0, 'select', 2)
  const next = condition(draw, rows.sources, 1)
  return {
    columns,
    tree: sql`select ${expression(draw, 'int4', rows.sources, 1)} from ${rows.tree} union select ${name}.n + 1 from ${name}, ${rows.tree} where ${name}.n < 6 and ${next}`,
  }
}

/** A SELECT that locks what it reads. */
export function locking(draw: Draw): Tree {
  const rows = from(draw, [], 1, 'lock', 2)
  const width = 1 + draw.below(3)
  const items = Array.from(
    { length: width },
    (_, index) => sql`${output(draw, rows.sources, rows.sources, undefined, 1)} as c${index + 1}`,
  )
  const strength = pick(draw, ['update', 'no key update', 'share', 'key share'])
  const of = chance(draw, 40) ? ` of ${rows.sources.map(({ alias }) => alias).join(', ')}` : ''
  const where = optional(sql` where ${condition(draw, rows.sources, 1)}`)
  return sql`select ${list(items)} from ${rows.tree}${where}${ending(draw, width)} for ${strength}${of}${pick(draw, ['', '', ' nowait', ' skip locked'])}`
}
