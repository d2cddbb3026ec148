/**
 * Reads one statement: which relations it names, what it does with each, and where columns are mentioned.
 * Nothing here knows the database; `columns.ts` finds out whose columns they are.
 */

import type { Action } from '../access/policies.ts'
import { listOf, nodeOf } from '../access/tree.ts'
import { Failure } from '../errors.ts'
import type { Parser, TreeNode } from '../statement/parser.ts'
import { describeStatement } from '../statement/refused-kinds.ts'
import { toNames, unwrap } from '../statement/syntax.ts'
import { outputColumns, resTargetName, toPath } from './tree.ts'
import type { Mention, ParsedStatement, Scope, StatementCommand, Use } from './usage.ts'

const commands: Readonly<Record<string, StatementCommand>> = {
  SelectStmt: 'select',
  InsertStmt: 'insert',
  UpdateStmt: 'update',
  DeleteStmt: 'delete',
  MergeStmt: 'merge',
}

const maxStatementLength = 256 * 1024

/**
 * Parses a text into one statement that can be explained.
 *
 * Does NOT look anything up: names may not exist.
 *
 * @throws Failure `input_invalid` for no statement, more than one, a syntax error, or a kind that is not explained
 */
export function parseStatement(sql: string, parser: Parser): ParsedStatement {
  if (sql.includes('\0') || /\p{Surrogate}/u.test(sql)) throw refusal('the text is not Unicode, or holds NUL')
  if (sql.length > maxStatementLength) throw refusal(`the statement is longer than ${maxStatementLength} characters`)
  const parsed = parser.parse(sql)
  if (parsed.kind === 'too_complex') throw refusal('the statement is too complex')
  if (parsed.kind === 'error') throw refusal(`${parsed.message} (at character ${parsed.position})`)
  const [tree, ...others] = parsed.statements
  if (tree === undefined) throw refusal('there is no statement')
  if (others.length > 0) throw refusal(`there are ${others.length + 1} statements; one is explained at a time`)
  const root = unwrap(tree)
  const command = commands[root?.type ?? '']
  if (root === undefined || command === undefined || root.node.intoClause !== undefined) {
    const { what } = describeStatement(root?.type === 'SelectStmt' ? { type: 'CreateTableAsStmt', node: {} } : root)
    throw refusal(`${what} is not explained: only SELECT, INSERT, UPDATE, DELETE and MERGE are`)
  }
  try {
    return new Reader(command, tree).read(root.type, root.node)
  } catch (error) {
    // The walk needs more of the stack than the parser did.
    throw error instanceof RangeError ? refusal('the statement is too complex') : error
  }
}

function refusal(detail: string): Failure {
  return new Failure('input_invalid', { detail })
}

/** Names of CTEs in scope, with the columns each has. */
type Ctes = ReadonlyMap<string, readonly string[] | undefined>

/** Walks the tree once; a class because every step adds to the same lists. */
class Reader {
  readonly uses: Use[] = []
  readonly mentions: Mention[] = []
  readonly functions: string[][] = []
  changesInWith = false
  outermost: Scope = { parent: undefined, items: [] }
  readonly command: StatementCommand
  readonly tree: TreeNode

  constructor(command: StatementCommand, tree: TreeNode) {
    this.command = command
    this.tree = tree
  }

  read(type: string, node: TreeNode): ParsedStatement {
    this.statement(type, node, undefined, new Map(), true)
    const { command, tree, uses, mentions, functions, changesInWith, outermost } = this
    const hasWith = node.withClause !== undefined
    return { command, tree, uses, mentions, functions, changesInWith, hasWith, scope: outermost }
  }

  private statement(type: string, node: TreeNode, parent: Scope | undefined, outer: Ctes, isRoot = false): void {
    const ctes = this.withClause(node.withClause, parent, outer)
    const scope: Scope = { parent, items: [] }
    if (isRoot) this.outermost = scope
    if (type === 'SelectStmt') this.select(node, scope, ctes, isRoot)
    else if (type === 'InsertStmt') this.insert(node, scope, ctes)
    else if (type === 'UpdateStmt' || type === 'DeleteStmt') this.change(type, node, scope, ctes, isRoot)
    else if (type === 'MergeStmt') this.merge(node, scope, ctes)
  }

  private withClause(value: unknown, parent: Scope | undefined, outer: Ctes): Ctes {
    const ctes = new Map(outer)
    const clause = nodeOf(value)
    for (const item of listOf(clause?.ctes)) {
      const cte = nodeOf(nodeOf(item)?.CommonTableExpr)
      const query = unwrap(cte?.ctequery)
      if (cte === undefined || query === undefined || typeof cte.ctename !== 'string') continue
      const columns = toNames(cte.aliascolnames)
      const known = columns.length > 0 ? columns : outputColumns(query.node)
      if (clause?.recursive === true) ctes.set(cte.ctename, known)
      if (query.type !== 'SelectStmt') this.changesInWith = true
      this.statement(query.type, query.node, parent, ctes)
      ctes.set(cte.ctename, known)
    }
    return ctes
  }

  private select(node: TreeNode, scope: Scope, ctes: Ctes, isRoot: boolean): void {
    for (const side of [node.larg, node.rarg]) {
      const each = nodeOf(side)
      if (each !== undefined) this.statement('SelectStmt', each, scope.parent, ctes)
    }
    const from = listOf(node.fromClause)
    for (const item of from) this.from(item, scope, ctes)
    const [only, ...more] = scope.items
    if (isRoot && only?.use !== undefined && more.length === 0) only.use.outermost = true
    for (const clause of listOf(node.lockingClause)) this.lock(nodeOf(nodeOf(clause)?.LockingClause), scope)
    const { larg, rarg, fromClause, lockingClause, withClause, ...expressions } = node
    this.expression(expressions, scope, ctes)
  }

  private insert(node: TreeNode, scope: Scope, ctes: Ctes): void {
    const target = this.target(node, 'insert')
    if (target === undefined) return
    const columns = listOf(node.cols).flatMap((item) => resTargetName(item) ?? [])
    target.insertColumns = columns.length > 0 ? columns : undefined
    const source = nodeOf(node.selectStmt)
    if (source !== undefined) this.expression(source, { parent: scope.parent, items: [] }, ctes)
    scope.items.push({ alias: target.alias, use: target, columns: undefined })
    const conflict = nodeOf(node.onConflictClause)
    if (conflict !== undefined) this.conflict(conflict, target, scope, ctes)
    this.returning(node, target, scope, ctes)
  }

  private conflict(node: TreeNode, target: Use, scope: Scope, ctes: Ctes): void {
    target.conflict = node.action === 'ONCONFLICT_UPDATE' ? 'update' : 'nothing'
    if (target.conflict === 'update') target.actions.add('conflict_update')
    const infer = nodeOf(node.infer)
    // The columns of the arbiter have to be readable.
    if (typeof infer?.conname === 'string') target.readsUnnamed = true
    for (const item of listOf(infer?.indexElems)) {
      const name = nodeOf(nodeOf(item)?.IndexElem)?.name
      if (typeof name === 'string') this.mentions.push({ scope, path: [name] })
    }
    const inner: Scope = { ...scope, items: [...scope.items, { alias: 'excluded', use: undefined, columns: [] }] }
    this.expression(infer, inner, ctes)
    this.assignments(node.targetList, target)
    this.expression([node.targetList, node.whereClause], inner, ctes)
  }

  private change(type: string, node: TreeNode, scope: Scope, ctes: Ctes, isRoot: boolean): void {
    const target = this.target(node, type === 'UpdateStmt' ? 'update' : 'delete')
    if (target === undefined) return
    target.outermost = isRoot
    scope.items.push({ alias: target.alias, use: target, columns: undefined })
    for (const item of [...listOf(node.fromClause), ...listOf(node.usingClause)]) this.from(item, scope, ctes)
    if (type === 'UpdateStmt') this.assignments(node.targetList, target)
    this.expression([node.targetList, node.whereClause], scope, ctes)
    this.returning(node, target, scope, ctes)
  }

  private merge(node: TreeNode, scope: Scope, ctes: Ctes): void {
    const target = this.target(node, 'merge')
    if (target === undefined) return
    scope.items.push({ alias: target.alias, use: target, columns: undefined })
    this.from(node.sourceRelation, scope, ctes)
    this.expression(node.joinCondition, scope, ctes)
    for (const item of listOf(node.mergeWhenClauses)) {
      const clause = nodeOf(nodeOf(item)?.MergeWhenClause)
      if (clause === undefined) continue
      if (clause.commandType === 'CMD_INSERT') {
        target.actions.add('merge_insert')
        const columns = listOf(clause.targetList).flatMap((each) => resTargetName(each) ?? [])
        target.insertColumns = columns.length > 0 ? columns : undefined
      } else if (clause.commandType === 'CMD_UPDATE') {
        target.actions.add('merge_update')
        this.assignments(clause.targetList, target)
      } else if (clause.commandType === 'CMD_DELETE') target.actions.add('merge_delete')
      this.expression([clause.condition, clause.targetList, clause.values], scope, ctes)
    }
    this.returning(node, target, scope, ctes)
  }

  private target(node: TreeNode, action: Action): Use | undefined {
    const relation = nodeOf(node.relation)
    return relation === undefined ? undefined : this.use(relation, action)
  }

  private use(relation: TreeNode, action: Action): Use {
    const name = String(relation.relname)
    const alias = nodeOf(relation.alias)?.aliasname
    const use: Use = {
      schema: typeof relation.schemaname === 'string' ? relation.schemaname : undefined,
      name,
      alias: typeof alias === 'string' ? alias : name,
      actions: new Set([action]),
      insertColumns: [],
      updateColumns: new Set(),
      outermost: false,
      readsUnnamed: false,
      returning: false,
      conflict: undefined,
    }
    this.uses.push(use)
    return use
  }

  private assignments(list: unknown, target: Use): void {
    for (const item of listOf(list)) {
      const name = resTargetName(item)
      if (name !== undefined) target.updateColumns.add(name)
    }
  }

  private returning(node: TreeNode, target: Use, scope: Scope, ctes: Ctes): void {
    const clause = node.returningClause ?? node.returningList
    if (clause === undefined) return
    target.returning = true
    const rows = ['old', 'new'].map((alias) => ({ alias, use: target, columns: undefined }))
    const renamed = listOf(nodeOf(clause)?.options).flatMap((item) => {
      const alias = nodeOf(nodeOf(item)?.ReturningOption)?.value
      return typeof alias === 'string' ? [{ alias, use: target, columns: undefined }] : []
    })
    // Behind the others, and seen with a qualifier only.
    const outer: Scope = { parent: scope.parent, items: [...rows, ...renamed] }
    const before = this.mentions.length
    this.expression(clause, { parent: outer, items: scope.items }, ctes)
    const added = this.mentions.splice(before)
    this.mentions.push(...added.map((mention) => ({ ...mention, returning: true as const })))
  }

  private lock(clause: TreeNode | undefined, scope: Scope): void {
    const names = listOf(clause?.lockedRels).map((item) => nodeOf(nodeOf(item)?.RangeVar)?.relname)
    for (const { alias, use } of scope.items) {
      if (use !== undefined && (names.length === 0 || names.includes(alias))) use.actions.add('lock')
    }
  }

  /** Adds what an item of FROM brings to the scope. */
  private from(item: unknown, scope: Scope, ctes: Ctes): void {
    const wrapped = unwrap(item)
    if (wrapped === undefined) return
    const { type, node } = wrapped
    const aliasNode = nodeOf(node.alias)
    const alias = typeof aliasNode?.aliasname === 'string' ? aliasNode.aliasname : ''
    const renamed = toNames(aliasNode?.colnames)
    if (type === 'RangeVar') {
      const name = String(node.relname)
      if (node.schemaname === undefined && ctes.has(name)) {
        scope.items.push({
          alias: alias || name,
          use: undefined,
          columns: renamed.length > 0 ? renamed : ctes.get(name),
        })
      } else {
        const use = this.use(node, 'read')
        scope.items.push({ alias: use.alias, use, columns: undefined })
      }
    } else if (type === 'JoinExpr') {
      this.from(node.larg, scope, ctes)
      this.from(node.rarg, scope, ctes)
      for (const name of toNames(node.usingClause)) this.mentions.push({ scope, path: [name] })
      this.expression(node.quals, scope, ctes)
    } else if (type === 'RangeSubselect') {
      const query = unwrap(node.subquery)
      const parent = node.lateral === true ? scope : scope.parent
      if (query !== undefined) this.statement(query.type, query.node, parent, ctes)
      const columns = renamed.length > 0 ? renamed : query && outputColumns(query.node)
      scope.items.push({ alias, use: undefined, columns })
    } else if (type === 'RangeTableSample') {
      this.from(node.relation, scope, ctes)
    } else {
      this.expression(node, scope, ctes)
      scope.items.push({ alias, use: undefined, columns: undefined })
    }
  }

  /** Looks for columns, functions and sub-selects anywhere below. */
  private expression(value: unknown, scope: Scope, ctes: Ctes): void {
    if (Array.isArray(value)) for (const item of value) this.expression(item, scope, ctes)
    else if (typeof value === 'object' && value !== null) {
      for (const [key, child] of Object.entries(value)) this.member(key, child, scope, ctes)
    }
  }

  private member(key: string, child: unknown, scope: Scope, ctes: Ctes): void {
    const node = nodeOf(child)
    if (key === 'SelectStmt' && node !== undefined) this.statement(key, node, scope, ctes)
    else if (key === 'ColumnRef' && node !== undefined) this.mentions.push({ scope, path: toPath(node.fields) })
    else {
      if (key === 'FuncCall' && node !== undefined) this.functions.push(toNames(node.funcname))
      this.expression(child, scope, ctes)
    }
  }
}
