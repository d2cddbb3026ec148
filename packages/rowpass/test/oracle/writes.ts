/**
 * Statements that change rows.
 */
import { asksPoliciesFirst } from '../../src/statement/facts.ts'
import { condition, constant, constantOf, expression } from './expressions.ts'
import { from, query, selectOne, tableAs, toSource } from './queries.ts'
import type { Column, Table } from './schema.ts'
import { chance, columnOf, type Draw, fresh, isExact, pick, type Scope, type Source, several } from './scope.ts'
import { empty, list, optional, sql, type Tree, typed } from './tree.ts'

type Command = 'insert' | 'update' | 'delete'

/** A statement that writes one table. */
export interface Write {
  readonly tree: Tree
  readonly table: string
  /** What RETURNING gives. */
  readonly columns: readonly { readonly name: string; readonly type: string; readonly samples: readonly string[] }[]
}

/** @param except tables that the statement writes already: one row is not to be written twice */
export function write(draw: Draw, except: readonly string[] = [], returns = chance(draw, 45)): Write | undefined {
  const command = pick(draw, [
    'insert',
    'insert',
    'insert',
    'update',
    'update',
    'update',
    'delete',
    'merge',
    'merge',
  ] as const)
  const needed: readonly Command[] = command === 'merge' ? ['insert', 'update'] : [command]
  const tables = draw.schema.tables.filter(
    ({ name, grants, readOnly }) =>
      !except.some((other) => areOne(draw, name, other)) &&
      readOnly !== true &&
      needed.every((each) => grants.includes(each)),
  )
  if (tables.length === 0) return undefined
  const table = pick(draw, tables)
  return { insert, update, delete: remove, merge }[command](draw, table, returns)
}

/** Rows of a table that inherits are rows of its parent as well. */
function areOne({ schema }: Draw, name: string, other: string): boolean {
  const parentOf = (child: string) => schema.tables.find((table) => table.name === child)?.parent
  return name === other || parentOf(name) === other || parentOf(other) === name
}

function insert(draw: Draw, table: Table, returns: boolean): Write {
  const alias = fresh(draw, 't')
  const columns = writable(draw, table, 'insert')
  const target = toSource(table, alias, true)
  const names = list(
    columns.map(({ name }) => written(table, name, 'insert')),
    ', ',
    columns.length,
  )
  const isConflict = chance(draw, 40)
  const rows = chance(draw, 75) ? valueRows(draw, table, columns) : selectedRows(draw, table, columns, isConflict)
  const conflict = isConflict ? onConflict(draw, table, target, columns) : { tree: empty, updates: false }
  const how = conflict.updates ? 'upsert' : 'insert'
  const back = returning(draw, returns, [target], conflict.updates ? ['old', 'new'] : [])
  const into = tableAs(table, 'insert', alias)
  const mark = { kind: 'write', table: table.name, how } as const
  return {
    table: table.name,
    columns: back.columns,
    tree: sql`${mark}insert into ${into} (${names}) ${rows}${conflict.tree}${back.tree}`,
  }
}

/** Columns to write: those of the key, and most of the others. */
function writable(draw: Draw, table: Table, command: 'insert' | 'update'): readonly Column[] {
  const open = table.columns.filter(({ closed }) => closed?.includes(command) !== true)
  const known = command === 'insert' ? goodValues(draw, table) : {}
  return open.filter(({ name }) => table.key.includes(name) || name in known || chance(draw, 80))
}

const goodValues = ({ schema, identity }: Draw, table: Table): Readonly<Record<string, readonly string[]>> =>
  schema.rules(identity)[table.name]?.values ?? {}

/** Mostly values that the policies let the identity write. */
function samplesFor(draw: Draw, table: Table, { name, samples }: Column): readonly string[] {
  return (chance(draw, 94) ? goodValues(draw, table)[name] : undefined) ?? samples
}

function written(table: Table, column: string, by: 'insert' | 'update'): Tree {
  return sql`${{ kind: 'written', table: table.name, column, by }}${column}`
}

function valueFor(draw: Draw, table: Table, column: Column, scope: Scope = []): Tree {
  const isKey = table.key.includes(column.name) || column.reference === true
  const known = column.name in goodValues(draw, table) || isKey
  // A computed key may be the one of a hidden row: that it is taken shows.
  if (!chance(draw, known ? 97 : 88) && !isKey) return expression(draw, column.type, scope, 1)
  const samples = samplesFor(draw, table, column)
  return known ? constantOf(draw, column.type, pick(draw, samples)) : constant(draw, column.type, samples)
}

function valueRows(draw: Draw, table: Table, columns: readonly Column[]): Tree {
  const row = () =>
    sql`(${list(
      columns.map((column) => valueFor(draw, table, column)),
      ', ',
      columns.length,
    )})`
  return sql`values ${list(several(draw, 1, 3, row))}`
}

/** @param ordered where of several rows with one key the first counts */
function selectedRows(draw: Draw, table: Table, columns: readonly Column[], ordered: boolean): Tree {
  const rows = from(draw, [], 1, 'select', 2)
  const values = columns.map((column) =>
    column.samples.length > 20
      ? constant(draw, column.type, column.samples)
      : valueFor(draw, table, column, rows.sources),
  )
  const where = optional(sql` where ${condition(draw, rows.sources, 1)}`)
  const order = ordered ? ` order by ${columns.map((_, index) => index + 1).join(', ')}` : ''
  return sql`select ${pick(draw, ['', 'distinct '])}${list(values, ', ', columns.length)} from ${rows.tree}${where}${order}`
}

function onConflict(
  draw: Draw,
  table: Table,
  target: Source,
  columns: readonly Column[],
): { tree: Tree; updates: boolean } {
  const key = table.key.map((name) => sql`${{ kind: 'column', table: table.name, column: name, target: true }}${name}`)
  const leaves = key.map((each) => sql`${each.pieces[0] ?? ''}`)
  const arbiter = chance(draw, 80)
    ? sql`(${list(key, ', ', key.length)})`
    : sql`${{ pieces: leaves }}on constraint ${table.name}_pkey`
  if (!table.grants.includes('update') || chance(draw, 35)) {
    return { tree: optional(sql` on conflict ${chance(draw, 50) ? arbiter : empty} do nothing`), updates: false }
  }
  const readable = columns.filter(({ closed }) => closed?.includes('select') !== true)
  const excluded: Source = { alias: 'excluded', columns: readable, key: table.key, table: undefined, target: false }
  const set = assignments(draw, table, [target, excluded])
  // The policies are asked about the row that is there before WHERE and SET; where they are not, the gateway refuses WHERE.
  const may = `model.may_update_${table.name}(${target.alias})`
  const where = chance(draw, asksPoliciesFirst(draw.catalog.version) ? 30 : 4)
    ? sql` where ${onlyIf(may, condition(draw, [target, excluded], 1))}`
    : sql`${{ kind: 'model only', text: ` where ${may}` }}`
  return { tree: sql` on conflict ${arbiter} do update set ${set}${optional(where)}`, updates: true }
}

/** Which the model does not evaluate before it has asked: its triggers come later. */
function onlyIf(may: string, value: Tree): Tree {
  return sql`${{ kind: 'model only', text: `case when ${may} then ` }}${value}${{ kind: 'model only', text: ' end' }}`
}

function assignments(draw: Draw, table: Table, scope: Scope): Tree {
  const open = writable(draw, table, 'update').filter(({ name }) => !table.key.includes(name) || chance(draw, 12))
  const all = table.columns.filter(
    ({ name, closed }) => closed?.includes('update') !== true && !table.key.includes(name),
  )
  const chosen = open.length === 0 ? all.slice(0, 1) : open.slice(0, 1 + draw.below(3))
  const columns = chosen.length === 0 ? table.columns.slice(0, 1) : chosen
  const [first, second] = columns
  if (first !== undefined && second !== undefined && chance(draw, 10)) {
    const pair = sql`(${written(table, first.name, 'update')}, ${written(table, second.name, 'update')})`
    return sql`${pair} = (select ${valueFor(draw, table, first, scope)}, ${valueFor(draw, table, second, scope)})`
  }
  return list(
    columns.map((column) => sql`${written(table, column.name, 'update')} = ${valueFor(draw, table, column, scope)}`),
  )
}

/** What RETURNING gives; from PostgreSQL 18 on also what the row was and has become. */
function returning(
  draw: Draw,
  wanted: boolean,
  sources: Scope,
  states: readonly string[],
): { tree: Tree; columns: Write['columns'] } {
  if (!wanted) return { tree: empty, columns: [] }
  const [target] = sources
  const more = draw.catalog.version >= 180_000 && target !== undefined && chance(draw, 40) ? states : []
  const scope = [...sources, ...more.map((alias) => ({ ...(target as Source), alias }))]
  const columns = several(draw, 1, 3, () => {
    const source = pick(draw, scope)
    const value = chance(draw, 70) ? columnOf(source, pick(draw, source.columns)) : expression(draw, 'text', scope, 1)
    return isExact(draw, value.type ?? 'none') ? value : typed('text', sql`(${value})::text`)
  }).map((value, index) => ({ name: `c${index + 1}`, type: value.type ?? 'text', samples: [], value }))
  const items = columns.map(({ name, value }) => sql`${value} as ${name}`)
  return { columns, tree: sql` returning ${list(items)}` }
}

function whereOn(draw: Draw, scope: Scope): Tree {
  return chance(draw, 88) ? optional(sql` where ${condition(draw, scope, 2)}`) : empty
}

function update(draw: Draw, table: Table, returns: boolean): Write {
  const alias = fresh(draw, 't')
  const target = toSource(table, alias, true)
  const other = chance(draw, 20) ? single(draw) : undefined
  const scope = other === undefined ? [target] : [target, other.source]
  const set = assignments(draw, table, scope)
  const joined = other === undefined ? empty : sql` from ${other.tree}`
  const where = whereOn(draw, scope)
  const back = returning(draw, returns, scope, ['old', 'new'])
  const mark = { kind: 'write', table: table.name, how: 'update' } as const
  const tree = sql`${mark}update ${tableAs(table, 'update', alias)} set ${set}${joined}${where}${back.tree}`
  return { table: table.name, tree, columns: back.columns }
}

/** One row to join with: of several it would be chance which one counts. */
function single(draw: Draw): { tree: Tree; source: Source } {
  const alias = fresh(draw, 'a')
  const type = pick(draw, ['int4', 'text', 'date'])
  const columns = [{ name: 'c1', type, samples: [] }]
  const source = { alias, columns, key: ['c1'], table: undefined, target: false }
  return { source, tree: sql`(${selectOne(draw, type, [], 1)}) as ${alias}(c1)` }
}

function remove(draw: Draw, table: Table, returns: boolean): Write {
  const alias = fresh(draw, 't')
  const target = toSource(table, alias, true)
  const other = chance(draw, 20) ? from(draw, [], 1, 'select', 2) : undefined
  const scope = [target, ...(other?.sources ?? [])]
  const where = optional(sql` where ${condition(draw, scope, 2)}`)
  // Which of several joined rows a deleted one is returned with is chance.
  const back = returning(draw, returns, [target], ['old'])
  const mark = { kind: 'write', table: table.name, how: 'delete' } as const
  const using = other === undefined ? empty : sql` using ${other.tree}`
  const tree = sql`${mark}delete from ${tableAs(table, 'delete', alias)}${using}${where}${back.tree}`
  return { table: table.name, tree, columns: back.columns }
}

function merge(draw: Draw, table: Table, returns: boolean): Write {
  const alias = fresh(draw, 't')
  const given = fresh(draw, 's')
  const target = toSource(table, alias, true)
  const columns = table.columns.filter(({ closed }) => closed?.includes('insert') !== true)
  const source: Source = { alias: given, columns, key: table.key, table: undefined, target: false }
  const keys = keyValues(draw, table)
  const rows = keys.map((key) => {
    const cells = columns.map((column) => {
      const fixed = key[table.key.indexOf(column.name)]
      return fixed === undefined ? valueFor(draw, table, column) : sql`'${fixed}'::${column.type}`
    })
    return sql`(${list(cells, ', ', cells.length)})`
  })
  const on = table.key.map((name) => {
    const column = target.columns.find((each) => each.name === name)
    return sql`${column === undefined ? name : columnOf(target, column)} = ${given}.${name}`
  })
  const visible = { kind: 'visible', table: table.name, alias } as const
  const also = (scope: Scope, always = false) => {
    if (!always && !chance(draw, 35)) return empty
    const more = sql` and ${condition(draw, scope, 1)}`
    return always ? more : optional(more)
  }
  const both = [target, source]
  const actions = 1 + draw.below(2)
  const matched = Array.from({ length: actions }, (_, index) => {
    const always = index < actions - 1
    const action = pick(draw, ['update', 'update', 'delete', 'nothing'])
    if (action === 'delete' && table.grants.includes('delete'))
      return sql` when matched${also(both, always)} then delete`
    if (action === 'nothing') return sql` when matched${also(both, always)} then do nothing`
    return sql` when matched${also(both, always)} then update set ${mergedSet(draw, table, both)}`
  })
  const names = columns.map(({ name }) => written(table, name, 'insert'))
  const inserted = columns.map(({ name }) => `${given}.${name}`)
  const unmatched = chance(draw, 70)
    ? sql` when not matched${also([source])} then insert (${list(names, ', ', names.length)}) values (${inserted.join(', ')})`
    : empty
  const isNew = draw.catalog.version >= 170_000
  const bySource =
    isNew && table.grants.includes('delete') && chance(draw, 15)
      ? optional(
          sql` when not matched by source${visible} and ${condition(draw, [target], 1)} then ${pick(draw, ['delete', 'do nothing'])}`,
        )
      : empty
  const back = returning(draw, returns && isNew, [target, source], ['old', 'new'])
  const how = back.columns.length > 0 ? 'merge returning' : 'merge'
  const mark = { kind: 'write', table: table.name, how } as const
  return {
    table: table.name,
    columns: back.columns,
    tree: sql`${mark}merge into ${tableAs(table, 'merge', alias)} using (values ${list(rows)}) as ${given}(${columns.map(({ name }) => name).join(', ')}) on ${list(on, ' and ', on.length)}${visible}${list([...matched, unmatched], '', 1)}${bySource}${back.tree}`,
  }
}

/** Without the key: a row that moves into the place of another would be a matter of order. */
function mergedSet(draw: Draw, table: Table, scope: Scope): Tree {
  const open = table.columns.filter(
    ({ name, closed }) => !table.key.includes(name) && closed?.includes('update') !== true,
  )
  const columns = open.length === 0 ? table.columns.slice(0, 1) : several(draw, 1, 2, () => pick(draw, open))
  const distinct = [...new Set(columns)]
  const may = `model.may_update_${table.name}(${scope[0]?.alias})`
  return list(
    distinct.map(
      (column) => sql`${written(table, column.name, 'update')} = ${onlyIf(may, valueFor(draw, table, column, scope))}`,
    ),
  )
}

/** Keys that differ from each other. */
function keyValues(draw: Draw, table: Table): string[][] {
  const samples = table.key.map((name) => {
    const column = table.columns.find((each) => each.name === name)
    return column === undefined ? [] : samplesFor(draw, table, column)
  })
  const keys = several(draw, 1, 3, () => samples.map((each) => pick(draw, each)))
  return [...new Map(keys.map((key) => [key.join('|'), key])).values()]
}

/** A query over what a write returns. */
export function writeInQuery(
  draw: Draw,
  withCtes: (name: string, columns: Write['columns']) => Draw,
): Tree | undefined {
  const inner = write(draw, [], true)
  if (inner === undefined || inner.columns.length === 0) return undefined
  const name = fresh(draw, 'w')
  const known = withCtes(name, inner.columns)
  const outer = chance(draw, 25) ? write(known, [inner.table])?.tree : undefined
  return sql`with ${name} as (${inner.tree}) ${outer ?? query(known, [], 1).tree}`
}
