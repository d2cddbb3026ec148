/**
 * Nodes of the parse tree that a token holder may use, and the fields of each that hold further nodes.
 * An allow-list: a node or a field that is not here makes the statement refused, so new syntax is closed until reviewed.
 */
import type { TreeNode } from './parser.ts'

/** A node and its type. */
export interface TypedNode {
  readonly type: string
  readonly node: TreeNode
}

/**
 * A line a type: `Type: field field:Type`. A field without a type holds a node that names its own, or a list of such.
 * Deeper lines continue the one above. Literal is the content of a constant, whatever its kind.
 */
const grammar = `
  SelectStmt: distinctClause targetList fromClause whereClause groupClause havingClause windowClause valuesLists
    sortClause limitOffset limitCount lockingClause withClause:WithClause larg:SelectStmt rarg:SelectStmt
  InsertStmt: relation:RangeVar cols selectStmt onConflictClause:OnConflictClause
    returningClause:ReturningClause withClause:WithClause
  UpdateStmt: relation:RangeVar targetList whereClause fromClause returningClause:ReturningClause withClause:WithClause
  DeleteStmt: relation:RangeVar usingClause whereClause returningClause:ReturningClause withClause:WithClause
  MergeStmt: relation:RangeVar sourceRelation joinCondition mergeWhenClauses
    returningClause:ReturningClause withClause:WithClause
  MergeWhenClause: condition targetList values
  ExplainStmt: query options
  VariableShowStmt:
  DefElem: arg
  OnConflictClause: infer:InferClause targetList whereClause
  InferClause: indexElems whereClause
  IndexElem: expr collation opclass
  ReturningClause: options exprs
  ReturningOption:
  WithClause: ctes
  CommonTableExpr: aliascolnames ctequery search_clause:CTESearchClause cycle_clause:CTECycleClause
  CTESearchClause: search_col_list
  CTECycleClause: cycle_col_list cycle_mark_value cycle_mark_default
  LockingClause: lockedRels
  ResTarget: indirection val
  MultiAssignRef: source
  SetToDefault:

  RangeVar: alias:Alias
  RangeSubselect: subquery alias:Alias
  RangeFunction: functions alias:Alias coldeflist
  RangeTableFunc: docexpr rowexpr namespaces columns alias:Alias
  RangeTableFuncCol: typeName:TypeName colexpr coldefexpr
  JoinExpr: larg rarg usingClause join_using_alias:Alias quals alias:Alias
  Alias: colnames
  ColumnDef: typeName:TypeName collClause:CollateClause

  A_Const: ival:Literal fval:Literal boolval:Literal sval:Literal bsval:Literal
  Literal:
  A_Star:
  String:
  Integer:
  Float:
  Boolean:
  BitString:
  ParamRef:
  SQLValueFunction:
  MergeSupportFunc:
  ColumnRef: fields
  A_Expr: name lexpr rexpr
  A_Indirection: arg indirection
  A_Indices: lidx uidx
  A_ArrayExpr: elements
  FuncCall: funcname args agg_order agg_filter over:WindowDef
  NamedArgExpr: arg
  WindowDef: partitionClause orderClause startOffset endOffset
  SortBy: node useOp
  TypeCast: arg typeName:TypeName
  TypeName: names typmods arrayBounds
  CollateClause: arg collname
  SubLink: testexpr operName subselect
  BoolExpr: args
  CaseExpr: arg args defresult
  CaseWhen: expr result
  CoalesceExpr: args
  MinMaxExpr: args
  NullTest: arg
  BooleanTest: arg
  RowExpr: args
  GroupingSet: content
  GroupingFunc: args
  List: items
  XmlExpr: named_args args
  XmlSerialize: expr typeName:TypeName

  JsonTable: context_item:JsonValueExpr pathspec:JsonTablePathSpec passing columns on_error:JsonBehavior alias:Alias
  JsonTableColumn: typeName:TypeName pathspec:JsonTablePathSpec format:JsonFormat columns
    on_empty:JsonBehavior on_error:JsonBehavior
  JsonTablePathSpec: string
  JsonBehavior: expr
  JsonFormat:
  JsonReturning: format:JsonFormat
  JsonOutput: typeName:TypeName returning:JsonReturning
  JsonValueExpr: raw_expr formatted_expr format:JsonFormat
  JsonArgument: val:JsonValueExpr
  JsonKeyValue: key value:JsonValueExpr
  JsonObjectConstructor: exprs output:JsonOutput
  JsonArrayConstructor: exprs output:JsonOutput
  JsonArrayQueryConstructor: query output:JsonOutput format:JsonFormat
  JsonAggConstructor: output:JsonOutput agg_filter agg_order over:WindowDef
  JsonObjectAgg: constructor:JsonAggConstructor arg:JsonKeyValue
  JsonArrayAgg: constructor:JsonAggConstructor arg:JsonValueExpr
  JsonFuncExpr: context_item:JsonValueExpr pathspec passing output:JsonOutput
    on_empty:JsonBehavior on_error:JsonBehavior
  JsonParseExpr: expr:JsonValueExpr output:JsonOutput
  JsonScalarExpr: expr output:JsonOutput
  JsonSerializeExpr: expr:JsonValueExpr output:JsonOutput
  JsonIsPredicate: expr format:JsonFormat
`

/** Type → field → type of the field's node; undefined where the node names its own. */
const fieldsByType = parseGrammar(grammar)

/**
 * Puts the nodes directly below one node on a stack.
 * @returns the name of the first thing that is not in the allow-list, such as `CopyStmt` or `SelectStmt.intoClause`
 */
export function pushChildren({ type, node }: TypedNode, stack: TypedNode[]): string | undefined {
  const fields = fieldsByType.get(type)
  if (fields === undefined) return type
  for (const field of Object.keys(node)) {
    const value = node[field]
    if (typeof value !== 'object' || value === null) continue
    if (!fields.has(field)) return `${type}.${field}`
    const fieldType = fields.get(field)
    if (fieldType !== undefined) stack.push({ type: fieldType, node: value as TreeNode })
    else if (Array.isArray(value)) for (const item of value) pushNamed(item, stack)
    else pushNamed(value as TreeNode, stack)
  }
  return undefined
}

/** Puts a node that names its own type on a stack; an empty one, which stands for NULL, is left out. */
function pushNamed(named: TreeNode, stack: TypedNode[]): void {
  for (const type of Object.keys(named)) stack.push({ type, node: named[type] as TreeNode })
}

/** The type and the fields of a node that names its own type; undefined where there is none. */
export function unwrap(named: unknown): TypedNode | undefined {
  const stack: TypedNode[] = []
  if (typeof named === 'object' && named !== null) pushNamed(named as TreeNode, stack)
  return stack[0]
}

/** The identifiers in a list of String nodes, such as the parts of a qualified name. */
export function toNames(list: unknown): string[] {
  if (!Array.isArray(list)) return []
  return list.flatMap((item) => {
    const name = item?.String?.sval
    return typeof name === 'string' ? [name] : []
  })
}

function parseGrammar(text: string): ReadonlyMap<string, ReadonlyMap<string, string | undefined>> {
  const types = new Map<string, Map<string, string | undefined>>()
  for (const line of text.replace(/\n {4,}/g, ' ').split('\n')) {
    const [, type, rest] = /^ *(\w+): ?(.*)$/.exec(line) ?? []
    if (type === undefined || rest === undefined) continue
    const fields = rest.split(' ').filter((field) => field !== '')
    types.set(type, new Map(fields.map((field) => toFieldEntry(field))))
  }
  return types
}

function toFieldEntry(field: string): [string, string | undefined] {
  const [name = '', type] = field.split(':')
  return [name, type]
}
