/**
 * What libpg_query tells of a PL/pgSQL body: its SQL, what it runs of its own making, and what its variables are given.
 */

/** What a PL/pgSQL body holds. */
export interface PlPgSql {
  /** Texts of statements and of `select <expression>`. */
  readonly statements: readonly string[]
  /** `select <expression>` of each text that it makes at run time and runs. */
  readonly executed: readonly string[]
  /** What variables are given: declared, assigned, or by INTO and loops; the names of one statement in their order. */
  readonly assigned: readonly Assignment[]
  /** `select <expression>` of what it tests and of what it returns. */
  readonly tested: readonly string[]
  readonly returned: readonly string[]
  /** What is sure to run, in order. */
  readonly steps: readonly PlPgSqlStep[]
}

/** A statement of the outermost block of a PL/pgSQL body; there are none where the block catches errors. */
export type PlPgSqlStep =
  /** The text of `target := value`. */
  | { readonly kind: 'assignment'; readonly target: string; readonly value: string }
  /** `raise exception`; the condition of `if … then raise exception …`, if it is one. */
  | { readonly kind: 'refusal'; readonly condition: string | undefined }
  /** `return old` and `return null`, which leave a row as it was. */
  | { readonly kind: 'unchanged' }
  /** Something that may end the function before what comes next. */
  | { readonly kind: 'exit' }

/** Variables, and the `select …` or other statement whose columns they take. */
export interface Assignment {
  readonly names: readonly string[]
  readonly text: string
}

/** What the parser makes of PL/pgSQL: nodes under the names of its structs. */
type PlNode = Readonly<Record<string, unknown>>

/** Reads its JSON. */
export function readPlPgSql(tree: unknown): PlPgSql {
  const found: Filled<Omit<PlPgSql, 'steps'>> = { statements: [], executed: [], assigned: [], tested: [], returned: [] }
  const datums: string[] = []
  const visit = (value: unknown): void => {
    if (typeof value !== 'object' || value === null) return
    for (const [key, child] of Object.entries(value)) {
      readPlNode(key, child as PlNode, datums, found)
      visit(child)
    }
    if (isExpression(value)) found.statements.push(toStatement(value))
  }
  visit(tree)
  return { ...found, steps: readSteps(tree) }
}

type Filled<T> = { [K in keyof T]: T[K] extends readonly (infer E)[] ? E[] : never }

function readPlNode(key: string, node: PlNode, datums: string[], found: Filled<Omit<PlPgSql, 'steps'>>): void {
  const assign = (names: readonly (string | undefined)[], expression: unknown): void => {
    const text = textOf(expression)
    if (text !== undefined) found.assigned.push({ names: names.filter((each) => each !== undefined), text })
  }
  const add = (list: string[], expression: unknown): void => {
    const text = textOf(expression)
    if (text !== undefined) list.push(text)
  }
  if (key === 'datums' && Array.isArray(node)) datums.push(...node.map(nameOfDatum))
  else if (key === 'PLpgSQL_var') assign([nameOfDatum({ PLpgSQL_var: node })], node.default_val)
  else if (key === 'PLpgSQL_stmt_dynexecute' || key === 'PLpgSQL_stmt_dynfors') add(found.executed, node.query)
  else if (key === 'PLpgSQL_stmt_assign') assign([datums[Number(node.varno)]], node.expr)
  else if (key === 'PLpgSQL_stmt_execsql') assign(namesOfTarget(node.target), node.sqlstmt)
  else if (key === 'PLpgSQL_stmt_fors') assign(namesOfTarget(node.var), node.query)
  else if (key === 'PLpgSQL_stmt_foreach_a') assign([datums[Number(node.varno)]], node.expr)
  else if (key === 'PLpgSQL_stmt_return') add(found.returned, node.expr)
  else if (key === 'dynquery') add(found.executed, node)
  else if (key === 'cond' || key === 't_expr') add(found.tested, node)
}

function textOf(value: unknown): string | undefined {
  const expression = (value as PlNode | undefined)?.PLpgSQL_expr
  return isExpression(expression) ? toStatement(expression) : undefined
}

function nameOfDatum(datum: unknown): string {
  const [node] = Object.values(datum as Record<string, PlNode>)
  return String(node?.refname ?? node?.fieldname ?? '')
}

function namesOfTarget(target: unknown): string[] {
  const [node] = Object.values((target ?? {}) as Record<string, PlNode>)
  return Array.isArray(node?.fields)
    ? node.fields.map(({ name }) => String(name))
    : typeof node?.refname === 'string'
      ? [node.refname]
      : []
}

interface PlExpression {
  readonly query: string
  /** RawParseMode of the server: 0 for a statement, 2 for an expression, 3 to 5 for `x := …`. */
  readonly parseMode?: unknown
}

function isExpression(value: unknown): value is PlExpression {
  return typeof value === 'object' && value !== null && 'query' in value && typeof value.query === 'string'
}

function toStatement({ query, parseMode = 0 }: PlExpression): string {
  if (parseMode === 0) return query
  return parseMode === 2 ? `select ${query}` : `select ${query.replace(/^[^=]*?:?=/, '')}`
}

/** Number of `old` among the variables of a trigger function. */
const oldNumber = 1
/** `elog_level` of RAISE EXCEPTION. */
const exceptionLevel = 21

function readSteps(tree: unknown): PlPgSqlStep[] {
  const block = member(firstOf(tree, 'PLpgSQL_function'), 'action', 'PLpgSQL_stmt_block')
  if (block === undefined || block.exceptions !== undefined || !Array.isArray(block.body)) return []
  return block.body.flatMap((statement): PlPgSqlStep[] => {
    const assignment = member(statement, 'PLpgSQL_stmt_assign', 'expr', 'PLpgSQL_expr')?.query
    if (typeof assignment === 'string') {
      const [, target, value] = /^([^=]*?)\s*:?=(.*)$/s.exec(assignment) ?? []
      return target === undefined || value === undefined ? [] : [{ kind: 'assignment', target, value }]
    }
    if (isRefusal(statement)) return [{ kind: 'refusal', condition: undefined }]
    const branch = member(statement, 'PLpgSQL_stmt_if')
    const condition = member(branch, 'cond', 'PLpgSQL_expr')?.query
    if (Array.isArray(branch?.then_body) && isRefusal(branch.then_body[0]) && typeof condition === 'string')
      return [{ kind: 'refusal', condition }]
    const end = member(statement, 'PLpgSQL_stmt_return')
    if (end?.retvarno === oldNumber || /^null$/i.test(String(member(end, 'expr', 'PLpgSQL_expr')?.query)))
      return [{ kind: 'unchanged' }]
    return firstOf(statement, 'PLpgSQL_stmt_return') === undefined ? [] : [{ kind: 'exit' }]
  })
}

function isRefusal(statement: unknown): boolean {
  return member(statement, 'PLpgSQL_stmt_raise')?.elog_level === exceptionLevel
}

function member(value: unknown, ...path: readonly string[]): PlNode | undefined {
  if (typeof value !== 'object' || value === null) return undefined
  const [name, ...rest] = path
  return name === undefined ? (value as PlNode) : member((value as PlNode)[name], ...rest) // a node of the tree
}

/** The first node of a type, at whatever depth. */
function firstOf(value: unknown, type: string): unknown {
  if (typeof value !== 'object' || value === null) return undefined
  if (type in value) return (value as PlNode)[type] // it is in it
  for (const each of Object.values(value)) {
    const found = firstOf(each, type)
    if (found !== undefined) return found
  }
  return undefined
}
