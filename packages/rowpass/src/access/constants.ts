/**
 * Which constants the policies of a table compare its columns with.
 */
import type { Parser } from '../statement/parser.ts'
import type { Catalog, Column, Relation } from './catalog/catalog.ts'
import { fieldsOf, isNode, listOf, namesOf, stringOf, typed, walk } from './tree.ts'

/**
 * Values that make comparisons of policies true, as text, by the name of the column; the first one of each. A column that
 * must not be null has `undefined` for any value, one that stands alone or before IS TRUE has `true`.
 *
 * Does NOT see comparisons other than `=`, `IN` and IS, nor what a function compares.
 */
export function findConstants(
  catalog: Pick<Catalog, 'policies'>,
  parser: Parser,
  table: Relation,
): ReadonlyMap<string, string | null | undefined> {
  const found = new Map<string, string | null | undefined>()
  const add = (column: Column | undefined, value: string | null | undefined) => {
    if (column !== undefined && !found.has(column.name)) found.set(column.name, value)
  }
  const columnOf = (tree: unknown): Column | undefined => {
    const [type, node] = typed(tree) ?? []
    if (type === 'TypeCast') return columnOf(node?.arg)
    const path = type === 'ColumnRef' ? namesOf(node?.fields) : []
    return path.length > 1 && path.at(-2) !== table.name
      ? undefined
      : table.columns.find(({ name }) => name === path.at(-1))
  }
  const texts = catalog.policies
    .filter(({ relation }) => relation === table.oid)
    .flatMap(({ using, check }) => [using, check].flatMap((text) => text ?? []))
  for (const text of texts) {
    const parsed = parser.parse(`select ${text}`)
    if (parsed.kind !== 'tree') continue
    for (const [type, node] of walk(parsed.statements)) {
      if (type === 'A_Expr' && namesOf(node.name).at(-1) === '=') {
        const [constant] = constantsOf(node.rexpr)
        if (constant !== undefined) add(columnOf(node.lexpr), constant)
      }
      if (type === 'NullTest') add(columnOf(node.arg), node.nulltesttype === 'IS_NULL' ? null : undefined)
      const alone = type === 'BoolExpr' && node.boolop !== 'NOT_EXPR' ? listOf(node.args) : []
      const target = type === 'ResTarget' || type === 'BooleanTest' ? [node.val ?? node.arg] : []
      for (const each of [...alone, ...target]) {
        const column = columnOf(each)
        if (column?.type === 'boolean') add(column, 'true')
      }
    }
  }
  return found
}

/** A constant as text, or those of a list of them. */
function constantsOf(tree: unknown): string[] {
  const text = stringOf(tree)
  if (text !== undefined) return [text]
  const [type, node] = typed(tree) ?? []
  if (type === 'TypeCast') return constantsOf(node?.arg)
  if (type === 'A_ArrayExpr') return listOf(node?.elements).flatMap(constantsOf)
  const constant = fieldsOf(tree, 'A_Const')
  if (constant === undefined) return []
  if (isNode(constant.ival)) return [String(constant.ival.ival ?? 0)]
  if (isNode(constant.fval)) return [String(constant.fval.fval)]
  return isNode(constant.boolval) ? [String(constant.boolval.boolval === true)] : []
}
