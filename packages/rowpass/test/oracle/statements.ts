/**
 * Whole statements of every kind that a token may run.
 */
import { constant, constantOf, expression, someType } from './expressions.ts'
import { common, ending, locking, query, tableAs, toSource, withCtes } from './queries.ts'
import { chance, columnOf, type Draw, fresh, isExact, pick, several } from './scope.ts'
import { list, sql, type Tree } from './tree.ts'
import { write, writeInQuery } from './writes.ts'

export type StatementKind = 'select' | 'values' | 'lock' | 'write' | 'writing cte' | 'explain'

export interface Statement {
  readonly kind: string
  readonly tree: Tree
  /** Whether it may change or lock rows, and so runs with no other at the same time. */
  readonly alone: boolean
}

const kinds: readonly (readonly [StatementKind, number])[] = [
  ['select', 62],
  ['values', 2],
  ['explain', 2],
  ['lock', 4],
  ['write', 28],
  ['writing cte', 4],
]

const weighted = kinds.flatMap(([kind, weight]) => Array.from({ length: weight }, () => kind))

/** The next statement. */
export function statement(draw: Draw, depth = 2): Statement {
  const kind = pick(draw, weighted)
  const tree = make(draw, kind, depth)
  if (tree === undefined) return { kind: 'select', tree: select(draw, depth), alone: false }
  const reads = ['select', 'values', 'explain'].includes(kind)
  return { kind: kind === 'write' ? commandOf(tree) : kind, tree, alone: !reads }
}

function make(draw: Draw, kind: StatementKind, depth: number): Tree | undefined {
  switch (kind) {
    case 'values':
      return values(draw)
    case 'lock':
      return draw.schema.tables.some(({ grants }) => grants.includes('update')) ? locking(draw) : undefined
    case 'write':
      return write(draw)?.tree
    case 'writing cte':
      return writeInQuery(draw, (name, columns) => withCtes(draw, [{ name, columns }]))
    case 'explain':
      return sql`${{ kind: 'no model' }}explain (analyze, timing off, summary off${pick(draw, ['', ', costs off'])}) ${chance(draw, 80) ? filter(draw) : select(draw, 1)}`
    default:
      return select(draw, depth)
  }
}

/** Rows of one table by one column: an index may find them before the policies are asked. */
function filter(draw: Draw): Tree {
  const table = pick(draw, draw.schema.tables)
  const source = toSource(table, fresh(draw, 'a'), false)
  const column = pick(draw, source.columns)
  const value = constantOf(draw, column.type, pick(draw, column.samples))
  const where = sql`${columnOf(source, column)} ${pick(draw, ['=', '<', '>='])} ${value}`
  return sql`select 1 from ${tableAs(table, 'select', source.alias)} where ${where}`
}

function select(draw: Draw, depth: number): Tree {
  const { clause, draw: inner } = common(draw, depth)
  return sql`${clause}${query(inner, [], depth).tree}`
}

function values(draw: Draw): Tree {
  const types = several(draw, 1, 3, () => someType(draw)).map((type) => (isExact(draw, type) ? type : 'text'))
  const row = () =>
    sql`(${list(
      types.map((type) => expression(draw, type, [], 1)),
      ', ',
      types.length,
    )})`
  const first = sql`(${list(
    types.map((type) => constant(draw, type)),
    ', ',
    types.length,
  )})`
  return sql`values ${list([first, ...several(draw, 0, 3, row)])}${ending(draw, types.length)}`
}

function commandOf(tree: Tree): string {
  const mark = tree.pieces[0]
  return typeof mark === 'object' && 'kind' in mark && mark.kind === 'write'
    ? (mark.how.split(' ', 1)[0] ?? '')
    : 'write'
}
