/**
 * What a function does with the values that its caller, or the row of its trigger, gives it.
 */
import type { Routine } from '../../access/catalog/catalog.ts'
import { fieldsOf, isNode, listOf, namesOf, type QualifiedName, qualifiedName, walk } from '../../access/tree.ts'
import type { TreeNode } from '../../statement/parser.ts'
import { type Flow, flowOf, type Source, substitute } from './flow.ts'
import type { Model } from './model.ts'

/** Functions that run the SQL in their arguments. */
const runners = /^(query_to_xml\w*|ts_stat|dblink(_exec|_open|_send_query)?|crosstab\w*)$/

type Known<T> = WeakMap<Model['callers'], Map<number, readonly T[]>>

const executions: Known<Execution> = new WeakMap()
const writes: Known<ColumnWrite> = new WeakMap()

/** Each function once for the functions of a database; what calls itself finds nothing there. */
function once<T>(known: Known<T>, { callers }: Model, { oid }: Routine, find: () => readonly T[]): readonly T[] {
  const found = known.get(callers) ?? new Map<number, readonly T[]>()
  known.set(callers, found)
  const before = found.get(oid)
  if (before !== undefined) return before
  found.set(oid, [])
  const all = find()
  found.set(oid, all)
  return all
}

/** Text that a function runs, and whose it is. */
export interface Execution {
  readonly sources: ReadonlySet<Source>
  /** The expression, as it is written. */
  readonly text: string
}

/** Texts that a function runs as SQL and that hold what it was given, itself or by functions that it calls. */
export function executionsOf(model: Model, routine: Routine): readonly Execution[] {
  return once(executions, model, routine, () => findExecutions(model, routine))
}

function findExecutions(model: Model, routine: Routine): readonly Execution[] {
  const statements = model.callers.parsed(routine)
  if (statements === undefined) return []
  const flow = flowOf(model, routine, 'text')
  const own = (statements.plpgsql?.executed ?? []).map((text) => ({
    sources: flow.sources(listOf(model.query(text))[0]),
    text: text.replace(/^select /, 'execute '),
  }))
  const called = callsIn(model, statements.trees, flow).flatMap(({ name, given, routines }) => [
    ...(name.schema === undefined && runners.test(name.name)
      ? [{ sources: new Set(given.flatMap((each) => [...each])), text: `${name.name}(…)` }]
      : []),
    ...routines.flatMap((each) =>
      executionsOf(model, each).map(({ sources, text }) => ({
        sources: substitute(sources, each, given),
        text: `${each.schema}.${each.name}: ${text}`,
      })),
    ),
  ])
  return [...own, ...called].filter(({ sources }) => sources.size > 0)
}

interface FoundCall {
  readonly name: QualifiedName
  readonly given: readonly ReadonlySet<Source>[]
  readonly routines: readonly Routine[]
}

function callsIn(model: Model, trees: readonly unknown[], flow: Flow): FoundCall[] {
  return walk(trees).flatMap(([type, node]): FoundCall[] => {
    const call = type === 'CallStmt' && isNode(node.funccall) ? node.funccall : type === 'FuncCall' ? node : undefined
    if (call === undefined) return []
    const name = qualifiedName(namesOf(call.funcname))
    const args = listOf(call.args)
    const routines = model.callers.resolve({ ...name, argumentCount: args.length })
    return [{ name, given: args.map((each) => flow.sources(each)), routines }]
  })
}

/** A column that a function writes, or chooses the rows to write by. */
export interface ColumnWrite {
  readonly table: QualifiedName
  readonly command: 'insert' | 'update' | 'delete'
  readonly column: string
  readonly sources: ReadonlySet<Source>
  /** Whether all that is written are numbers that go up or down, or times. */
  readonly counts: boolean
}

/** Columns that INSERT fills, and those that WHERE of UPDATE and DELETE compares, with what the function was given. */
export function writesOf(model: Model, routine: Routine): readonly ColumnWrite[] {
  return once(writes, model, routine, () => findWrites(model, routine))
}

function findWrites(model: Model, routine: Routine): readonly ColumnWrite[] {
  const statements = model.callers.parsed(routine)
  if (statements === undefined) return []
  const flow = flowOf(model, routine, 'value')
  const own = walk(statements.trees).flatMap(([type, node]): ColumnWrite[] => {
    if (type === 'InsertStmt') return insertsIn(model, node, flow)
    return type === 'UpdateStmt' || type === 'DeleteStmt' ? choicesIn(type, node, flow) : []
  })
  const called = callsIn(model, statements.trees, flow).flatMap(({ given, routines }) =>
    routines.flatMap((each) =>
      writesOf(model, each).map((write) => ({ ...write, sources: substitute(write.sources, each, given) })),
    ),
  )
  return [...own, ...called].filter(({ sources }) => sources.size > 0)
}

function insertsIn(model: Model, node: TreeNode, flow: Flow): ColumnWrite[] {
  if (!isNode(node.relation)) return []
  const table = nameOf(node.relation)
  const names = listOf(node.cols).flatMap((each) => fieldsOf(each, 'ResTarget')?.name ?? [])
  const columns = names.length > 0 ? names : (model.relationNamed(table)?.columns.map(({ name }) => name) ?? [])
  const select = fieldsOf(node.selectStmt, 'SelectStmt')
  const lists = listOf(select?.valuesLists).map((list) => listOf(fieldsOf(list, 'List')?.items))
  const rows = lists.length > 0 ? lists : [listOf(select?.targetList).map((each) => fieldsOf(each, 'ResTarget')?.val)]
  return rows.flatMap((row) =>
    row.flatMap((value, at) => {
      const column = columns[at]
      const write = { table, command: 'insert', sources: flow.sources(value), counts: false } as const
      return column === undefined ? [] : [{ ...write, column: String(column) }]
    }),
  )
}

function choicesIn(type: 'UpdateStmt' | 'DeleteStmt', node: TreeNode, flow: Flow): ColumnWrite[] {
  if (!isNode(node.relation)) return []
  const table = nameOf(node.relation)
  const command = type === 'UpdateStmt' ? 'update' : 'delete'
  return walk(node.whereClause).flatMap(([kind, comparison]) => {
    if (kind !== 'A_Expr' || namesOf(comparison.name).at(-1) !== '=') return []
    return [
      [comparison.lexpr, comparison.rexpr],
      [comparison.rexpr, comparison.lexpr],
    ].flatMap(([one, other]) => {
      const column = namesOf(fieldsOf(one, 'ColumnRef')?.fields).at(-1)
      const sources = flow.sources(other)
      return column === undefined || flow.sources(one).size > 0
        ? []
        : [{ table, command, column, sources, counts: isCounting(node) } as const]
    })
  })
}

/** `set views = views + 1, seen_at = now()`: nothing of it is anybody's choice. */
export function isCounting(update: TreeNode): boolean {
  const targets = listOf(update.targetList).map((each) => fieldsOf(each, 'ResTarget') ?? {})
  return (
    targets.length > 0 &&
    targets.every(({ name, val }) => {
      if (walk(val).some(([type]) => type === 'ParamRef' || type === 'SubLink')) return false
      const columns = walk(val).flatMap(([type, { fields }]) => (type === 'ColumnRef' ? namesOf(fields).slice(-1) : []))
      const isTime = walk(val).some(
        ([type, node]) =>
          type === 'SQLValueFunction' ||
          (type === 'FuncCall' && /^(now|clock_timestamp)$/.test(namesOf(node.funcname).at(-1) ?? '')),
      )
      return columns.length === 0 ? isTime : columns.every((column) => column === name)
    })
  )
}

function nameOf(relation: TreeNode): QualifiedName {
  const schema = typeof relation.schemaname === 'string' ? relation.schemaname : undefined
  return { schema, name: String(relation.relname) }
}
