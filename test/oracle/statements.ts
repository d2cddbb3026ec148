/**
 * Whole statements of every kind that a token may run.
 */
import { constant, expression, someType } from './expressions.ts'
import { common, ending, locking, query, withCtes } from './queries.ts'
import { type Draw, isExact, pick, several } from './scope.ts'
import { list, sql, type Tree } from './tree.ts'
import { write, writeInQuery } from './writes.ts'

export type StatementKind = 'select' | 'values' | 'lock' | 'write' | 'writing cte'

export interface Statement {
  readonly kind: string
  readonly tree: Tree
  /** Whether it may change or lock rows, and so runs with no other at the same time. */
  readonly alone: boolean
}

const kinds: readonly (readonly [StatementKind, number])[] = [
  ['select', 62],
  ['values', 2],
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
  return { kind: kind === 'write' ? commandOf(tree) : kind, tree, alone: kind !== 'select' && kind !== 'values' }
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
    default:
      return select(draw, depth)
  }
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
