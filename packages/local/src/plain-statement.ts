/**
 * Which statements are explained to whoever asks. What explains them looks at the rows behind the policies as a superuser, and
 * evaluates the conditions of the statement there: nothing may be in them but columns and values.
 */
import type { Parser, TreeNode } from 'rowpass/operate'

/** Node types of a statement on one table that calls nothing: no function, cast, subquery or join. */
const plainNodes: ReadonlySet<string> = new Set([
  'SelectStmt',
  'InsertStmt',
  'UpdateStmt',
  'DeleteStmt',
  'RangeVar',
  'ResTarget',
  'ColumnRef',
  'A_Star',
  'A_Const',
  'A_Expr',
  'BoolExpr',
  'NullTest',
  'ParamRef',
  'SetToDefault',
  'SortBy',
  'List',
  'String',
  'Integer',
])

const plainOperators: ReadonlySet<string> = new Set(['=', '<>', '<', '<=', '>', '>='])

/** Whether a text is one such statement, on a table that is not the system's. */
export function isPlain(sql: string, parser: Parser): boolean {
  if (/[\0\ud800-\udfff]/u.test(sql)) return false
  const parsed = parser.parse(sql)
  return parsed.kind === 'tree' && parsed.statements.length === 1 && parsed.statements.every(isPlainNode)
}

function isPlainNode(value: unknown): boolean {
  if (Array.isArray(value)) return value.every(isPlainNode)
  if (typeof value !== 'object' || value === null) return true
  const node = value as TreeNode
  const isOfSystem = /^(pg_|information_schema$)/.test(String(node.schemaname ?? node.relname ?? ''))
  // UPDATE has its table in `relation`, and what it is joined with in FROM.
  const isJoined = Array.isArray(node.fromClause) && (node.fromClause.length > 1 || 'relation' in node)
  if (isOfSystem || isJoined || 'withClause' in node || 'usingClause' in node) return false
  return Object.entries(node).every(
    ([name, fields]) =>
      (!/^[A-Z]/.test(name) || plainNodes.has(name)) &&
      (name !== 'A_Expr' || isPlainOperator(fields as TreeNode)) &&
      isPlainNode(fields),
  )
}

function isPlainOperator({ kind, name }: TreeNode): boolean {
  const [first, ...others] = name as readonly { String?: { sval?: string } }[]
  return kind === 'AEXPR_OP' && others.length === 0 && plainOperators.has(first?.String?.sval ?? '')
}
