/**
 * What a policy says, by its logic: whether it is always true, which columns it ties to the caller, and whether it
 * opens when the claims are missing (three-valued, as SQL is).
 */
import type { Column, Relation } from '../../access/catalog/catalog.ts'
import { fieldsOf, isNode, listOf, namesOf, stringOf, typed } from '../../access/tree.ts'
import type { TreeNode } from '../../statement/parser.ts'
import { scan } from './expression.ts'

/** Questions about parts of expressions that depend on the database. */
export interface ClaimLogic {
  /** Whether a part of an expression reads who is asking. */
  readsCaller(tree: unknown): boolean
  /** What a call of a function gives without claims; undefined when that cannot be told. */
  withoutClaims(tree: unknown): TruthValue | undefined
  /** Whether something in it, or in a function it calls, makes a value of NULL: COALESCE, IS NULL, IS DISTINCT FROM. */
  swallowsNull(tree: unknown): boolean
}

/** What an expression may be: SQL's three values, a JSON object without members, something else that is not NULL, or anything. */
export type TruthValue = 'true' | 'false' | 'null' | 'empty' | 'some' | 'any'

/** The expression inside of `(select <expression>)`, as long as there is one. */
export function unwrap(tree: unknown): unknown {
  const link = fieldsOf(tree, 'SubLink')
  if (link?.subLinkType !== 'EXPR_SUBLINK') return tree
  const select = fieldsOf(link.subselect, 'SelectStmt')
  if (select === undefined || select.fromClause !== undefined || select.whereClause !== undefined) return tree
  const [target, more] = listOf(select.targetList)
  return more === undefined && target !== undefined ? unwrap(fieldsOf(target, 'ResTarget')?.val) : tree
}

/** The conditions of AND or OR; a single one for anything else. */
export function operands(tree: unknown, operator: 'AND_EXPR' | 'OR_EXPR'): readonly unknown[] {
  const inner = unwrap(tree)
  const node = fieldsOf(inner, 'BoolExpr')
  return node?.boolop === operator ? listOf(node.args).flatMap((each) => operands(each, operator)) : [inner]
}

/** Whether it is true for each row there can be: `true`, `1 = 1`, `id = id` or `id is not null` of a NOT NULL column. */
export function isAlwaysTrue(tree: unknown, relation: Relation): boolean {
  const inner = unwrap(tree)
  const parts = (operator: 'AND_EXPR' | 'OR_EXPR') => operands(inner, operator)
  if (parts('AND_EXPR').length > 1) return parts('AND_EXPR').every((each) => isAlwaysTrue(each, relation))
  if (parts('OR_EXPR').length > 1) return parts('OR_EXPR').some((each) => isAlwaysTrue(each, relation))
  const constant = fieldsOf(inner, 'A_Const')
  if (isNode(constant?.boolval)) return constant.boolval.boolval === true
  const test = fieldsOf(inner, 'NullTest')
  if (test !== undefined) return test.nulltesttype === 'IS_NOT_NULL' && isNotNull(test.arg, relation)
  const comparison = fieldsOf(inner, 'A_Expr')
  if (comparison?.kind !== 'AEXPR_OP' || !['=', '<=', '>='].includes(namesOf(comparison.name)[0] ?? '')) return false
  const [left, right] = [comparison.lexpr, comparison.rexpr]
  if (typed(left)?.[0] !== typed(right)?.[0]) return false
  return withoutLocations(left) === withoutLocations(right) && (isConstant(left) || isNotNull(left, relation))
}

function isNotNull(tree: unknown, relation: Relation): boolean {
  const name = columnOf(tree)
  return isConstant(tree) || relation.columns.some((column: Column) => column.name === name && column.notNull)
}

function isConstant(tree: unknown): boolean {
  const constant = fieldsOf(tree, 'A_Const')
  return constant !== undefined && constant.isnull !== true
}

/** The same text for trees that mean the same, wherever they stand. */
export function withoutLocations(tree: unknown): string {
  return JSON.stringify(tree, (key, value) => (key === 'location' ? undefined : value))
}

/** The column that an expression is, through casts; undefined when it is something else. */
export function columnOf(tree: unknown): string | undefined {
  const cast = fieldsOf(tree, 'TypeCast')
  if (cast !== undefined) return columnOf(cast.arg)
  const reference = fieldsOf(tree, 'ColumnRef')
  return reference === undefined ? undefined : namesOf(reference.fields).at(-1)
}

/**
 * Columns that each row it lets through has tied to the caller: those of a condition that reads who is asking, in every
 * branch. `tenant_id = claim and (id = claim or admin)` ties `tenant_id` and not `id`.
 */
export function tiedColumns(tree: unknown, relation: Relation, judge: ClaimLogic): ReadonlySet<string> {
  const branches = operands(tree, 'OR_EXPR')
  if (branches.length > 1) {
    const sets = branches.filter((each) => !isAlwaysFalse(each)).map((each) => tiedColumns(each, relation, judge))
    const [first, ...rest] = sets
    return new Set([...(first ?? [])].filter((column) => rest.every((set) => set.has(column))))
  }
  const conditions = operands(tree, 'AND_EXPR')
  if (conditions.length > 1) return new Set(conditions.flatMap((each) => [...tiedColumns(each, relation, judge)]))
  return judge.readsCaller(tree) && isTie(tree) ? new Set(scan(tree, relation.name).columns) : new Set()
}

/** Comparisons that do not select, such as `<>`, tie nothing. */
function isTie(tree: unknown): boolean {
  const found = typed(unwrap(tree))
  if (found === undefined) return false
  const [type, node] = found
  if (type === 'NullTest' || (type === 'BoolExpr' && node.boolop === 'NOT_EXPR')) return false
  if (type !== 'A_Expr') return true
  return node.kind !== 'AEXPR_DISTINCT' && !['<>', '!=', '<', '>', '<=', '>='].includes(namesOf(node.name)[0] ?? '')
}

function isAlwaysFalse(tree: unknown): boolean {
  const constant = fieldsOf(unwrap(tree), 'A_Const')
  return isNode(constant?.boolval) && constant.boolval.boolval !== true
}

/**
 * The conditions through which rows are seen by somebody without claims, and that are about claims: `owner <> claim or …`.
 *
 * @returns the conditions as trees; none when missing claims show no more than the other conditions show to everyone
 */
export function openedByMissingClaims(tree: unknown, judge: ClaimLogic): readonly unknown[] {
  return operands(tree, 'OR_EXPR').flatMap((branch) => {
    const conditions = operands(branch, 'AND_EXPR')
    const about = conditions.filter((each) => judge.readsCaller(each) && judge.swallowsNull(each))
    if (about.length === 0) return []
    const nested = about.flatMap((each) =>
      operands(each, 'OR_EXPR').length > 1 ? openedByMissingClaims(each, judge) : [],
    )
    const closed = conditions.some((each) => isClosed(evaluate(each, judge)))
    if (closed) return []
    return nested.length > 0 ? nested : about.filter((each) => operands(each, 'OR_EXPR').length === 1)
  })
}

/** Whether it is never true: SQL lets neither false nor NULL through. */
export const isClosed = (value: TruthValue): boolean => value === 'null' || value === 'false'

/** The value without claims; `any` where it depends on the row. */
export function evaluate(tree: unknown, judge: ClaimLogic): TruthValue {
  const inner = unwrap(tree)
  const known = judge.withoutClaims(inner)
  if (known !== undefined) return known
  const found = typed(inner)
  if (found === undefined) return 'any'
  const [type, node] = found
  const value = (each: unknown): TruthValue => evaluate(each, judge)
  switch (type) {
    case 'A_Const':
      return node.isnull === true
        ? 'null'
        : isNode(node.boolval)
          ? node.boolval.boolval === true
            ? 'true'
            : 'false'
          : stringOf(inner) === '{}'
            ? 'empty'
            : 'some'
    case 'TypeCast': {
      const text = stringOf(inner)
      if (text === 't' || text === 'true') return 'true'
      return text === 'f' || text === 'false' ? 'false' : value(node.arg)
    }
    case 'BoolExpr':
      return evaluateBoolean(String(node.boolop), listOf(node.args).map(value))
    case 'NullTest': {
      const arg = value(node.arg)
      if (arg === 'any') return 'any'
      return (arg === 'null') === (node.nulltesttype === 'IS_NULL') ? 'true' : 'false'
    }
    case 'CoalesceExpr':
      return (
        listOf(node.args)
          .map(value)
          .find((each) => each !== 'null') ?? 'null'
      )
    case 'CaseExpr':
      return evaluateCase(node, judge)
    case 'A_Expr':
      return evaluateOperator(node, judge)
    case 'FuncCall':
      // Almost every function of PostgreSQL gives NULL for NULL.
      return listOf(node.args).some((each) => value(each) === 'null') ? 'null' : 'any'
    case 'A_ArrayExpr':
      return listOf(node.elements).every((each) => value(each) === 'null') ? 'null' : 'some'
    case 'SQLValueFunction':
      // Who has no claims is no owner of rows by name either.
      return /USER|ROLE/.test(String(node.op)) ? 'null' : 'some'
    case 'SubLink':
      return evaluateSubLink(node, judge)
    case 'BooleanTest':
      return evaluateTest(String(node.booltesttype), value(node.arg))
    default:
      return 'any'
  }
}

function evaluateBoolean(operator: string, values: readonly TruthValue[]): TruthValue {
  if (operator === 'NOT_EXPR') {
    const [value] = values
    return value === 'true' ? 'false' : value === 'false' ? 'true' : (value ?? 'any')
  }
  const [wins, loses] = operator === 'AND_EXPR' ? (['false', 'true'] as const) : (['true', 'false'] as const)
  if (values.includes(wins)) return wins
  if (values.every((each) => each === loses)) return loses
  // NULL in AND is never true; in OR the others decide.
  if (operator === 'AND_EXPR' && values.includes('null')) return 'null'
  return values.every((each) => each === 'null' || each === loses) ? 'null' : 'any'
}

function evaluateOperator(node: Readonly<Record<string, unknown>>, judge: ClaimLogic): TruthValue {
  const sides = [node.lexpr, node.rexpr].map((each) =>
    Array.isArray(each) ? each.map((one) => evaluate(one, judge)) : [evaluate(each, judge)],
  )
  const [left, right] = [sides[0] ?? [], sides[1] ?? []]
  if (node.kind === 'AEXPR_NULLIF') return left[0] === 'null' ? 'null' : 'any'
  if (node.kind === 'AEXPR_DISTINCT' || node.kind === 'AEXPR_NOT_DISTINCT') {
    const nulls = [...left, ...right].filter((each) => each === 'null').length
    const distinct: TruthValue = nulls === 2 ? 'false' : nulls === 1 ? 'any' : 'any'
    return node.kind === 'AEXPR_DISTINCT' ? distinct : evaluateBoolean('NOT_EXPR', [distinct])
  }
  if (left.every((each) => each === 'null') || right.every((each) => each === 'null')) return 'null'
  const [operator = ''] = namesOf(node.name)
  const isKnown = (value: TruthValue | undefined): boolean => value === 'true' || value === 'false'
  if (isKnown(left[0]) && isKnown(right[0]) && ['=', '<>'].includes(operator))
    return (left[0] === right[0]) === (operator === '=') ? 'true' : 'false'
  // coalesce(claims, '{}') ->> 'sub': an object without members has none.
  return left[0] === 'empty' && ['->', '->>', '#>', '#>>'].includes(operator) ? 'null' : 'any'
}

/** `case when f(x) then true else false end`: the first branch that is sure; NULL where none holds and there is no ELSE. */
function evaluateCase({ arg, args, defresult }: TreeNode, judge: ClaimLogic): TruthValue {
  if (arg !== undefined) return 'any'
  for (const branch of listOf(args)) {
    const when = fieldsOf(branch, 'CaseWhen')
    const holds = evaluate(when?.expr, judge)
    if (holds === 'true') return evaluate(when?.result, judge)
    if (!isClosed(holds)) return 'any'
  }
  return defresult === undefined ? 'null' : evaluate(defresult, judge)
}

function evaluateSubLink(node: Readonly<Record<string, unknown>>, judge: ClaimLogic): TruthValue {
  const select = fieldsOf(node.subselect, 'SelectStmt')
  const where = select?.whereClause
  const empty = where !== undefined && isClosed(evaluate(where, judge))
  if (node.subLinkType === 'EXISTS_SUBLINK') return empty ? 'false' : 'any'
  if (node.subLinkType === 'ANY_SUBLINK') return empty || evaluate(node.testexpr, judge) === 'null' ? 'false' : 'any'
  // = ANY of an empty array is false, which is as closed as NULL.
  if (node.subLinkType === 'EXPR_SUBLINK' || node.subLinkType === 'ARRAY_SUBLINK') return empty ? 'null' : 'any'
  return node.subLinkType === 'ALL_SUBLINK' && empty ? 'true' : 'any'
}

function evaluateTest(test: string, value: TruthValue): TruthValue {
  if (value === 'any' || value === 'some' || value === 'empty') return 'any'
  const negated = test.startsWith('IS_NOT_')
  const asked = test.replace(/^IS_(NOT_)?/, '').toLowerCase()
  const holds = asked === 'unknown' ? value === 'null' : asked === value
  return holds !== negated ? 'true' : 'false'
}

/** Whether a node makes a value of NULL. */
export function isNullSwallower(type: string, node: Readonly<Record<string, unknown>>): boolean {
  return (
    ['CoalesceExpr', 'NullTest', 'BooleanTest', 'CaseExpr', 'MinMaxExpr'].includes(type) ||
    (type === 'A_Expr' && (node.kind === 'AEXPR_DISTINCT' || node.kind === 'AEXPR_NOT_DISTINCT')) ||
    (type === 'FuncCall' &&
      ['concat', 'concat_ws', 'format', 'num_nulls', 'num_nonnulls'].includes(namesOf(node.funcname).at(-1) ?? ''))
  )
}
