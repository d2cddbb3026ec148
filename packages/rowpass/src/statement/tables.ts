/**
 * Which tables and views a parsed statement names, and what it does with the rows of each.
 *
 * A name that a WITH query gives is none, where PostgreSQL would take it for that query: in the statement that has the
 * WITH, and in its later queries; with RECURSIVE, in each of them. What changes rows is never one.
 */
import type { TreeNode } from './parser.ts'
import { pushChildren, type TypedNode, unwrap } from './syntax.ts'

/** What a statement does with the rows of one table or view. */
export interface TableUse {
  /** Undefined for a bare name, which `search_path` resolves. */
  readonly schema: string | undefined
  /** As the catalog has it: not quoted, not folded. */
  readonly name: string
  /** `select` for whatever reads, and `update` for a lock as well. */
  readonly command: 'select' | 'insert' | 'update' | 'delete'
}

/** The names of WITH queries that can be used somewhere. */
interface Names {
  readonly own: ReadonlySet<string>
  readonly outer: Names | undefined
}

interface Visit extends TypedNode {
  readonly names: Names | undefined
}

/** Each use once. A statement that its judge has refused need not be asked for. */
export function findTables(root: TypedNode): readonly TableUse[] {
  const uses = new Map<string, TableUse>()
  const stack: Visit[] = [{ ...root, names: undefined }]

  function use(relation: unknown, command: TableUse['command']): void {
    // Its place in the tree tells the type of this node.
    const { schemaname, relname } = relation as TreeNode
    const schema = typeof schemaname === 'string' ? schemaname : undefined
    const name = typeof relname === 'string' ? relname : ''
    uses.set(JSON.stringify([command, schema, name]), { schema, name, command })
  }

  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    const { type, node, names } = visit
    if (type === 'RangeVar') {
      if (!isQuery(node, names)) use(node, 'select')
      continue
    }
    for (const command of commandsOf(type, node)) use(node.relation, command)
    const withClause = node.withClause as TreeNode | undefined
    const inner = withClause === undefined ? names : pushQueries(withClause, names, stack)
    const children: TypedNode[] = []
    pushChildren(visit, children)
    for (const child of children) {
      if (child.node === withClause || child.node === node.relation) continue
      // It names tables by their alias.
      if (child.type === 'LockingClause') lock(node.fromClause, inner, use)
      else stack.push({ ...child, names: inner })
    }
  }
  return [...uses.values()]
}

/** Whether a relation in FROM is a WITH query. */
function isQuery({ schemaname, relname }: TreeNode, names: Names | undefined): boolean {
  if (typeof schemaname === 'string' || typeof relname !== 'string') return false
  for (let each = names; each !== undefined; each = each.outer) if (each.own.has(relname)) return true
  return false
}

/** Puts the queries of a WITH on the stack, each with the names that it can use; returns those for the rest of the statement. */
function pushQueries({ ctes, recursive }: TreeNode, outer: Names | undefined, stack: Visit[]): Names {
  const queries = Array.isArray(ctes) ? ctes.flatMap((cte) => unwrap(cte) ?? []) : []
  const all = { own: new Set(queries.map(({ node }) => String(node.ctename))), outer }
  const before = new Set<string>()
  for (const query of queries) {
    stack.push({ ...query, names: recursive === true ? all : { own: new Set(before), outer } })
    before.add(String(query.node.ctename))
  }
  return all
}

type Command = TableUse['command']

const mergeCommands: Readonly<Record<string, readonly Command[]>> = {
  CMD_INSERT: ['insert'],
  CMD_UPDATE: ['update'],
  CMD_DELETE: ['delete'],
  CMD_NOTHING: [],
}

/** What a statement does with the table that it changes. UPDATE, DELETE and MERGE choose rows, and so read them. */
function commandsOf(type: string, node: TreeNode): readonly Command[] {
  switch (type) {
    case 'InsertStmt': {
      const conflict = node.onConflictClause as TreeNode | undefined
      const reads = conflict !== undefined || node.returningClause !== undefined
      const updates = conflict !== undefined && conflict.action !== 'ONCONFLICT_NOTHING'
      return ['insert', ...(reads ? (['select'] as const) : []), ...(updates ? (['update'] as const) : [])]
    }
    case 'UpdateStmt':
      return ['select', 'update']
    case 'DeleteStmt':
      return ['select', 'delete']
    case 'MergeStmt': {
      const clauses = Array.isArray(node.mergeWhenClauses) ? node.mergeWhenClauses : []
      const all = ['insert', 'update', 'delete'] as const
      return ['select', ...clauses.flatMap((clause) => mergeCommands[String(unwrap(clause)?.node.commandType)] ?? all)]
    }
    default:
      return []
  }
}

/** FOR UPDATE and its like, as the right to lock a row is the one to update it: of all tables that the query names itself. */
function lock(from: unknown, names: Names | undefined, use: (relation: unknown, command: Command) => void): void {
  const stack: TypedNode[] = []
  for (const item of Array.isArray(from) ? from : []) {
    const node = unwrap(item)
    if (node !== undefined) stack.push(node)
  }
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    if (visit.type !== 'RangeVar') pushChildren(visit, stack)
    else if (!isQuery(visit.node, names)) use(visit.node, 'update')
  }
}
