/**
 * Where the values of a function come from: which arguments, or columns of the row of a trigger, may be in what it makes.
 */
import type { Routine } from '../../access/catalog/catalog.ts'
import { fieldsOf, isNode, listOf, namesOf, qualifiedName, stringOf, typed, walk } from '../../access/tree.ts'
import type { TreeNode } from '../../statement/parser.ts'
import type { Model } from './model.ts'

/** An argument by its name, or `$1` where it has none; a column of a trigger's row as `new.column`. */
export type Source = string

/** As `text`: what may stand in SQL as it is, not what is quoted or a number. As `value`: whatever the value depends on. */
export type FlowKind = 'text' | 'value'

/** The sources of expressions in one function. */
export interface Flow {
  /** Of an expression of its body, or the columns of a `select`. */
  sources(tree: unknown): ReadonlySet<Source>
  /** Of what it returns. */
  readonly returned: ReadonlySet<Source>
}

type Scope = ReadonlyMap<string, ReadonlySet<Source>>

const none: ReadonlySet<Source> = new Set()
const rounds = 4

/** Types whose text is no SQL of anybody's choice. */
const safeType =
  /^(smallint|integer|bigint|numeric|decimal|real|double precision|boolean|uuid|oid|date|time|interval|bytea|inet|cidr|macaddr|reg\w+|int[248]|float[48]|bool|timestamp|timetz|timestamptz)\b/
/** Functions whose result tells no text of their arguments. */
const safeFunction =
  /^(quote_\w+|(char_|octet_|bit_|array_)?length|cardinality|count|md5|sha\d+|hashtext\w*|strpos|position|ascii|to_reg\w+|to_date|to_timestamp|to_number|date_part|extract|exists)$/
/** In a scope: what a name means that nothing else has. */
const unnamed = '?'
const joins = new Set(['||', '->', '->>', '#>', '#>>'])

/** Whether values of a type may hold SQL. */
export function isTextType(type: string): boolean {
  return !safeType.test(type)
}

/** Follows the values of a function through its variables; what the database holds is from nobody. */
export function flowOf(model: Model, routine: Routine, kind: FlowKind): Flow {
  const known = flows.get(model.callers) ?? new Map<string, Flow>()
  flows.set(model.callers, known)
  const key = `${routine.oid} ${kind}`
  const found = known.get(key)
  if (found !== undefined) return found
  // Who calls itself meets this one.
  known.set(key, { sources: () => none, returned: none })
  const flow = follow(model, routine, kind)
  known.set(key, flow)
  return flow
}

/** By the functions of a database. */
const flows = new WeakMap<Model['callers'], Map<string, Flow>>()

function follow(model: Model, routine: Routine, kind: FlowKind): Flow {
  const statements = model.callers.parsed(routine)
  const scope = new Map<string, ReadonlySet<Source>>()
  const inputs = routine.inputs.map(({ name, type }, at) => ({ name: name === '' ? `$${at + 1}` : name, type }))
  const guarded = kind === 'text' ? guardedNames(model, routine) : new Set<string>()
  for (const [at, { name, type }] of inputs.entries()) {
    const isOpen = kind === 'value' || (isTextType(type) && !guarded.has(name))
    const sources = isOpen ? new Set([name]) : none
    scope.set(name, sources)
    scope.set(`$${at + 1}`, sources)
  }
  const evaluate = createEvaluator(model, routine, kind)
  const parse = (text: string): unknown => listOf(model.query(text))[0]
  const assigned = statements?.plpgsql?.assigned ?? []
  for (let round = 0; round < rounds; round++) {
    for (const { names, text } of assigned) {
      const columns = columnsOf(parse(text))
      for (const [at, name] of names.entries()) {
        if (guarded.has(name)) continue
        const given = columns.length === names.length ? columns.slice(at, at + 1) : columns
        const select = fieldsOf(parse(text), 'SelectStmt')
        const inner = select === undefined ? scope : evaluate.scopeOf(select, scope)
        scope.set(name, union([scope.get(name) ?? none, ...given.map((each) => evaluate.of(each, inner))]))
      }
    }
  }
  const results = statements?.plpgsql?.returned.map(parse) ?? statements?.trees.slice(-1) ?? []
  return {
    sources: (tree) => evaluate.of(tree, scope),
    returned: union(results.map((each) => evaluate.of(each, scope))),
  }
}

/** Variables that the body compares with a list or a pattern, or looks up: they are what it lets pass. */
function guardedNames(model: Model, routine: Routine): ReadonlySet<string> {
  const tests = model.callers.parsed(routine)?.plpgsql?.tested ?? []
  return new Set(
    tests.flatMap((text) => {
      const tree = model.query(text)
      const isCheck = walk(tree).some(
        ([type, node]) =>
          (type === 'A_Expr' &&
            (['AEXPR_IN', 'AEXPR_OP_ANY', 'AEXPR_OP_ALL', 'AEXPR_SIMILAR'].includes(String(node.kind)) ||
              namesOf(node.name).some((name) => /^!?~\*?$/.test(name)))) ||
          (type === 'SubLink' && node.subLinkType !== 'EXPR_SUBLINK'),
      )
      return isCheck
        ? walk(tree).flatMap(([type, { fields }]) => (type === 'ColumnRef' ? namesOf(fields).slice(-1) : []))
        : []
    }),
  )
}

/** The expressions of the columns that a statement gives. */
function columnsOf(tree: unknown): readonly unknown[] {
  const select = fieldsOf(tree, 'SelectStmt')
  if (select === undefined) return []
  const inUnion = [select.larg, select.rarg].filter(isNode)
  if (inUnion.length > 0) return inUnion.flatMap((each) => columnsOf({ SelectStmt: each }))
  const values = listOf(select.valuesLists).flatMap((list) => listOf(fieldsOf(list, 'List')?.items))
  return [...values, ...listOf(select.targetList).map((each) => fieldsOf(each, 'ResTarget')?.val)]
}

interface Evaluator {
  of(tree: unknown, scope: Scope): ReadonlySet<Source>
  /** With what FROM and WITH name. */
  scopeOf(select: TreeNode, scope: Scope): Scope
}

function createEvaluator(model: Model, routine: Routine, kind: FlowKind): Evaluator {
  function of(tree: unknown, scope: Scope): ReadonlySet<Source> {
    if (Array.isArray(tree)) return union(tree.map((each) => of(each, scope)))
    const found = typed(tree)
    if (found === undefined) return none
    const [type, node] = found
    switch (type) {
      case 'ColumnRef':
        return ofColumn(namesOf(node.fields), scope)
      case 'ParamRef':
        return scope.get(`$${node.number}`) ?? none
      case 'TypeCast': {
        const name = isNode(node.typeName) ? (namesOf(node.typeName.names).at(-1) ?? '') : ''
        return kind === 'text' && safeType.test(name) ? none : of(node.arg, scope)
      }
      case 'FuncCall':
        return ofCall(node, scope)
      case 'A_Expr':
        return ofOperator(node, scope)
      case 'BoolExpr':
      case 'NullTest':
      case 'BooleanTest':
        return none
      case 'CaseExpr':
        return union([
          of(node.defresult, scope),
          ...listOf(node.args).map((each) => of(fieldsOf(each, 'CaseWhen')?.result, scope)),
        ])
      case 'SubLink':
        return ['EXPR_SUBLINK', 'ARRAY_SUBLINK'].includes(String(node.subLinkType)) ? of(node.subselect, scope) : none
      case 'SelectStmt': {
        const inner = scopeOf(node, scope)
        return union(columnsOf(tree).map((each) => of(each, inner)))
      }
      default:
        // COALESCE, arrays, rows, fields and elements of them.
        return union(Object.values(node).map((each) => of(each, scope)))
    }
  }

  function ofColumn(names: readonly string[], scope: Scope): ReadonlySet<Source> {
    const [first = '', second] = names
    if (second === undefined) return scope.get(first) ?? scope.get(unnamed) ?? none
    if (first === 'new') return new Set([`new.${second}`])
    return scope.get(first) ?? (first === routine.name ? scope.get(second) : undefined) ?? none
  }

  function ofOperator(node: TreeNode, scope: Scope): ReadonlySet<Source> {
    if (node.kind === 'AEXPR_NULLIF') return of(node.lexpr, scope)
    const isJoined = node.kind === 'AEXPR_OP' && (kind === 'value' || joins.has(namesOf(node.name).at(-1) ?? ''))
    return isJoined ? of([node.lexpr, node.rexpr], scope) : none
  }

  function ofCall(node: TreeNode, scope: Scope): ReadonlySet<Source> {
    const name = qualifiedName(namesOf(node.funcname))
    const args = listOf(node.args)
    const given = args.map((each) => of(fieldsOf(each, 'NamedArgExpr')?.arg ?? each, scope))
    const routines = model.callers.resolve({ ...name, argumentCount: args.length })
    if (routines.length > 0) {
      return union(routines.map((each) => ofRoutine(each, given)))
    }
    if (kind === 'value') return union(given)
    if (safeFunction.test(name.name)) return none
    return name.name === 'format' ? ofFormat(args, given) : union(given)
  }

  function ofRoutine(called: Routine, given: readonly ReadonlySet<Source>[]): ReadonlySet<Source> {
    if (kind === 'text' && !isTextType(called.returns)) return none
    if (model.callers.parsed(called) === undefined) return union(given)
    return substitute(flowOf(model, called, kind).returned, called, given)
  }

  /** `%I` and `%L` quote; `%s` does not. */
  function ofFormat(args: readonly unknown[], given: readonly ReadonlySet<Source>[]): ReadonlySet<Source> {
    const form = constantText(args[0])
    if (form === undefined) return union(given)
    let next = 1
    const open = [...form.matchAll(/%(?:(\d+)\$)?-?(?:\d+|\*)?([sIL%])/g)].flatMap(([, position, letter]) => {
      if (letter === '%') return []
      const at = position === undefined ? next++ : Number(position)
      if (position !== undefined) next = at + 1
      return letter === 's' ? (given[at] ?? union(given)) : []
    })
    return union(open)
  }

  function scopeOf(select: TreeNode, scope: Scope): Scope {
    const inner = new Map(scope)
    const withClause = isNode(select.withClause) ? listOf(select.withClause.ctes) : []
    for (const each of withClause) {
      const cte = fieldsOf(each, 'CommonTableExpr')
      if (cte !== undefined) inner.set(String(cte.ctename), of(cte.ctequery, inner))
    }
    for (const [type, node] of walk(select.fromClause)) {
      const alias = isNode(node.alias) ? node.alias : undefined
      const names = [String(alias?.aliasname ?? ''), ...namesOf(alias?.colnames)]
      if (type === 'RangeFunction') for (const name of names) inner.set(name, of(node.functions, inner))
      else if (type === 'RangeSubselect') for (const name of names) inner.set(name, of(node.subquery, inner))
      else if (type === 'RangeVar' && inner.has(String(node.relname)) && alias !== undefined)
        inner.set(String(alias.aliasname), inner.get(String(node.relname)) ?? none)
    }
    const from = walk(select.fromClause)
    const made = from.flatMap(([type, { functions, subquery }]) =>
      type === 'RangeFunction' ? [of(functions, inner)] : type === 'RangeSubselect' ? [of(subquery, inner)] : [],
    )
    inner.set('*', union(made))
    // Columns of functions have names of their own; those of tables beside them could have the same.
    if (!from.some(([type]) => type === 'RangeVar')) inner.set(unnamed, union(made))
    return inner
  }

  return { of, scopeOf }
}

/** What the arguments of a function bring, by what is given for them in a call. */
export function substitute(
  sources: ReadonlySet<Source>,
  { inputs }: Routine,
  given: readonly ReadonlySet<Source>[],
): ReadonlySet<Source> {
  return union(
    inputs.map(({ name }, at) => (sources.has(name) || sources.has(`$${at + 1}`) ? (given[at] ?? none) : none)),
  )
}

/** A text constant, or several joined by `||`. */
function constantText(tree: unknown): string | undefined {
  const node = fieldsOf(tree, 'A_Expr')
  if (node === undefined || namesOf(node.name)[0] !== '||') return stringOf(tree)
  const [left, right] = [constantText(node.lexpr), constantText(node.rexpr)]
  return left === undefined || right === undefined ? undefined : left + right
}

function union(sets: Iterable<Iterable<Source>>): ReadonlySet<Source> {
  const all = new Set<Source>()
  for (const set of sets) for (const each of set) all.add(each)
  return all
}
