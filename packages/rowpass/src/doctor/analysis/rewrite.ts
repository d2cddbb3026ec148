/**
 * Writes a slow policy expression anew, with the same meaning: what does not depend on the row is computed once, and
 * columns are compared bare, so that an index can be used.
 */

import { castSetting, settingOf, toleratesMissing } from '../../access/bodies.ts'
import type { Relation } from '../../access/catalog/catalog.ts'
import { fieldsOf, isNode, listOf, namesOf, typed, walk } from '../../access/tree.ts'
import type { Expression } from './expression.ts'
import { scan } from './expression.ts'
import { operands, unwrap } from './logic.ts'
import type { Model, PolicyFacts } from './model.ts'
import { type Span, type Spans, spansOf } from './spans.ts'

interface Edit extends Span {
  readonly text: string
}

/** Improved clauses of a policy, as the statement that sets them. */
export interface Rewritten {
  readonly sql: string
  readonly using: string | undefined
}

/** @returns undefined when nothing can be improved, or it is not known how */
export function rewritePolicy(model: Model, policy: PolicyFacts): Rewritten | undefined {
  const using = policy.usingTree && rewriteExpression(model, policy.usingTree, policy.table)
  const check = policy.checkTree && rewriteExpression(model, policy.checkTree, policy.table)
  if (using === undefined && check === undefined) return undefined
  const clauses = [
    ...(using === undefined ? [] : [` using (${using})`]),
    ...(check === undefined ? [] : [` with check (${check})`]),
  ]
  return { sql: `alter policy ${policy.sql} on ${policy.table.sql}${clauses.join('')}`, using }
}

/** @returns undefined when nothing can be improved */
export function rewriteExpression(model: Model, expression: Expression, table: Relation): string | undefined {
  const sturdy = apply(expression, sturdyEdits(expression))
  const parsed = sturdy === undefined ? expression : model.parse(sturdy, table)
  if (parsed === undefined) return undefined
  const spans = spansOf(parsed)
  return (
    apply(
      parsed,
      leaves(parsed.tree).flatMap((leaf) => rewriteLeaf(model, leaf, table, spans) ?? []),
    ) ?? sturdy
  )
}

function apply({ parsed }: Expression, edits: readonly Edit[]): string | undefined {
  if (edits.length === 0) return undefined
  let text = parsed
  for (const { start, end, text: replacement } of [...edits].sort((a, b) => b.start - a.start)) {
    text = Buffer.concat([text.subarray(0, start), Buffer.from(replacement), text.subarray(end)])
  }
  return text.toString().replace(/^select /, '')
}

/** Readings of a setting that fail where it is missing, or where it is empty after the transaction that set it. */
function sturdyEdits(expression: Expression): Edit[] {
  const spans = spansOf(expression)
  const cast = new Set(
    [...walk(expression.tree)].flatMap(([type, node]) =>
      type === 'TypeCast' && castSetting(node) !== undefined ? [fieldsOf(node.arg, 'FuncCall')] : [],
    ),
  )
  return expression.calls.flatMap(({ node, args, location, schema, name }) => {
    const span = spans.callAt(location)
    if (span === undefined || settingOf({ schema, name }, args) === undefined) return []
    const tolerant = toleratesMissing(args)
    if (tolerant && !cast.has(node)) return []
    const inner = spans.textOf({ start: span.start, end: span.end - 1 })
    const call = tolerant ? `${inner})` : `${inner}, true)`
    return [{ ...span, text: cast.has(node) ? `NULLIF(${call}, ''::text)` : call }]
  })
}

/** Conditions below AND, OR and NOT; what is inside of `(select …)` is one condition. */
function leaves(tree: unknown): readonly unknown[] {
  const node = fieldsOf(tree, 'BoolExpr')
  return node === undefined ? [tree] : listOf(node.args).flatMap(leaves)
}

function rewriteLeaf(model: Model, leaf: unknown, table: Relation, spans: Spans): Edit | undefined {
  const span = spanOf(leaf, spans)
  if (span === undefined || !model.judge.readsCaller(leaf)) return undefined
  const text = improve(model, leaf, table, spans)
  return text === undefined ? undefined : { ...span, text }
}

/** The better text of a condition; undefined when it is good, or not understood. */
function improve(model: Model, leaf: unknown, table: Relation, spans: Spans): string | undefined {
  const found = typed(leaf)
  const span = spanOf(leaf, spans)
  if (found === undefined || span === undefined) return undefined
  const [type, node] = found
  if (type === 'SubLink') {
    const inner = unwrap(leaf)
    if (inner !== leaf) return isRowDependent(inner, table) ? improveWrapped(model, inner, table, spans) : undefined
    return node.subLinkType === 'EXISTS_SUBLINK' ? improveExists(node, table, spans) : undefined
  }
  if (!isRowDependent(leaf, table)) return `( SELECT ${spans.textOf(span)})`
  return type === 'A_Expr' && node.kind === 'AEXPR_OP' ? improveComparison(model, node, table, spans) : undefined
}

/** `(select f() = column)`: what is inside, improved where it can be. */
function improveWrapped(model: Model, inner: unknown, table: Relation, spans: Spans): string | undefined {
  const parts = operands(inner, 'AND_EXPR')
  if (parts.length > 1 || operands(inner, 'OR_EXPR').length > 1) return undefined
  // A function that is given the row stays one call a row, wrapped or not.
  const isOfRow = scan(inner, table.name).calls.some(
    (call) => call.columns.length > 0 && model.callers.resolve({ ...call, argumentCount: call.args.length }).length > 0,
  )
  if (isOfRow) return undefined
  const span = spanOf(inner, spans)
  return improve(model, inner, table, spans) ?? (span && spans.textOf(span))
}

function improveComparison(
  model: Model,
  node: Readonly<Record<string, unknown>>,
  table: Relation,
  spans: Spans,
): string | undefined {
  const texts = spans.operandsOf(node)
  if (texts === undefined || texts.left === '') return undefined
  const sides = [
    { tree: node.lexpr, text: texts.left },
    { tree: node.rexpr, text: texts.right },
  ] as const
  const [row, value] = isRowDependent(node.lexpr, table) ? sides : ([sides[1], sides[0]] as const)
  if (isRowDependent(value.tree, table)) return undefined
  const isGood = isWrapped(value.tree) || !model.judge.readsCaller(value.tree)
  const wrapped = isGood ? value.text : `( SELECT ${value.text})`
  const operator = namesOf(node.name).at(-1) ?? ''
  const column = castColumn(row.tree, table, model)
  if (column !== undefined && operator === '=') return `(${column.sql} = (${wrapped})::${column.type})`
  if (wrapped === value.text) return undefined
  return row === sides[0] ? `(${row.text} ${operator} ${wrapped})` : `(${wrapped} ${operator} ${row.text})`
}

/** A column under a cast that costs the index. */
export function castColumn(tree: unknown, table: Relation, model: Model) {
  const cast = fieldsOf(tree, 'TypeCast')
  if (cast === undefined) return undefined
  const reference = fieldsOf(cast.arg, 'ColumnRef')
  const name = reference && namesOf(reference.fields).at(-1)
  const column = table.columns.find((each) => each.name === name)
  const target = isNode(cast.typeName) ? namesOf(cast.typeName.names).at(-1) : undefined
  if (column === undefined || target === undefined) return undefined
  return isFree(column.type, target, model) ? undefined : column
}

/** A cast between types with the same bytes keeps the index; the parser spells types as catalogs do. */
function isFree(type: string, target: string, { catalog }: Model): boolean {
  const from = type.replace(/\(.*\)/, '')
  const spelled: Readonly<Record<string, string>> = {
    varchar: 'character varying',
    bpchar: 'character',
    int4: 'integer',
    int8: 'bigint',
  }
  const to = spelled[target] ?? target
  return from === to || catalog.freeCasts.has(`${from}>${to}`)
}

/** `exists (select from t where t.a = row.b and …)` is `row.b = any (array(select t.a from t where …))`. */
function improveExists(node: Readonly<Record<string, unknown>>, table: Relation, spans: Spans): string | undefined {
  const select = fieldsOf(node.subselect, 'SelectStmt')
  if (select === undefined || select.groupClause !== undefined || select.limitCount !== undefined) return undefined
  const conditions = operands(select.whereClause, 'AND_EXPR')
  const inside = (tree: unknown): boolean =>
    scan({ SubLink: { subselect: { SelectStmt: { ...select, whereClause: tree, targetList: [] } } } }, table.name)
      .columns.length > 0
  const outer = conditions.filter(inside)
  const [tie] = outer
  const comparison = fieldsOf(tie, 'A_Expr')
  if (outer.length !== 1 || comparison?.kind !== 'AEXPR_OP' || namesOf(comparison.name).at(-1) !== '=') return undefined
  const texts = spans.operandsOf(comparison)
  const [left, right] = [fieldsOf(comparison.lexpr, 'ColumnRef'), fieldsOf(comparison.rexpr, 'ColumnRef')]
  if (texts === undefined || left === undefined || right === undefined) return undefined
  const [own, other] = inside(comparison.lexpr) ? [texts.left, texts.right] : [texts.right, texts.left]
  const rest = conditions.filter((each) => each !== tie).map((each) => spanOf(each, spans))
  if (rest.includes(undefined) || listOf(select.fromClause).length !== 1) return undefined
  const from = fromText(select, spans, node)
  if (from === undefined) return undefined
  const where = rest.flatMap((span) => (span === undefined ? [] : [spans.textOf(span)])).join(' AND ')
  return `(${own} = ANY (ARRAY( SELECT ${other} FROM ${from}${where === '' ? '' : ` WHERE ${where}`})))`
}

/** FROM as it is written, up to WHERE: one table with or without an alias. */
function fromText(
  select: Readonly<Record<string, unknown>>,
  spans: Spans,
  link: Readonly<Record<string, unknown>>,
): string | undefined {
  const range = fieldsOf(listOf(select.fromClause)[0], 'RangeVar')
  const whole = spans.callAt(typeof link.location === 'number' ? link.location : 0)
  if (range === undefined || whole === undefined || typeof range.location !== 'number') return undefined
  const [from] = spans.textOf({ start: range.location, end: whole.end }).split(/\s+WHERE\s/)
  return from?.trim()
}

function isRowDependent(tree: unknown, table: Relation): boolean {
  return scan(tree, table.name).columns.length > 0
}

/** Whether it is a sub-select, or a cast of one: computed once. */
function isWrapped(tree: unknown): boolean {
  const cast = fieldsOf(tree, 'TypeCast')
  return cast === undefined ? fieldsOf(tree, 'SubLink') !== undefined : isWrapped(cast.arg)
}

function spanOf(tree: unknown, spans: Spans): Span | undefined {
  const found = typed(tree)
  if (found === undefined) return undefined
  const [type, node] = found
  const location = typeof node.location === 'number' ? node.location : -1
  if (type === 'A_Expr')
    return node.kind === 'AEXPR_OP' || node.kind === 'AEXPR_OP_ANY' ? spans.around(location) : undefined
  if (type === 'FuncCall' || type === 'SubLink' || type === 'CoalesceExpr') return spans.callAt(location)
  return undefined
}
