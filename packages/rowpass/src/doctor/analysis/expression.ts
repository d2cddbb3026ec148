/**
 * An expression of a policy, parsed: which columns of its table it reads, what it calls, which sub-selects it has.
 * It relies on how PostgreSQL writes expressions back: bare columns outside of sub-selects, qualified ones inside.
 */

import {
  fieldsOf,
  isNode,
  listOf,
  namesOf,
  type QualifiedName,
  qualifiedName,
  type Typed,
  typed,
  walk,
} from '../../access/tree.ts'
import type { Parser, TreeNode } from '../../statement/parser.ts'

/** A call in an expression. */
export interface Call extends QualifiedName {
  readonly node: TreeNode
  readonly args: readonly unknown[]
  /** The sub-select that holds it; undefined at the top. */
  readonly sublink: SubLink | undefined
  /** Columns of the policy's table in its arguments. */
  readonly columns: readonly string[]
  /** In UTF-8 bytes of the parsed text. */
  readonly location: number
}

/** A relation that a sub-select reads. */
export interface Reading extends QualifiedName {
  readonly alias: string
}

/** A sub-select. */
export interface SubLink {
  readonly kind: 'expression' | 'exists' | 'any' | 'all' | 'array'
  readonly node: TreeNode
  readonly parent: SubLink | undefined
  readonly relations: readonly Reading[]
  /** Columns of the policy's table in it: with any, it is run again for each row. */
  readonly columns: readonly string[]
  readonly location: number
}

/** An expression of a policy. */
export interface Expression {
  /** As PostgreSQL writes it. */
  readonly text: string
  /** What was parsed, and what locations count in. */
  readonly parsed: Buffer
  readonly tree: unknown
  readonly calls: readonly Call[]
  readonly sublinks: readonly SubLink[]
  /** Columns of the policy's table, wherever they are. */
  readonly columns: readonly string[]
}

const prefix = 'select '

/**
 * Parses what `pg_get_expr` has written.
 *
 * @param table name of the policy's table, without its schema
 * @returns undefined when the parser does not take it, such as one that is nested too deeply
 */
export function parseExpression(parser: Parser, text: string, table: string): Expression | undefined {
  const parsed = parser.parse(`${prefix}${text}`)
  if (parsed.kind !== 'tree') return undefined
  const target = listOf(fieldsOf(parsed.statements[0], 'SelectStmt')?.targetList)[0]
  const tree = fieldsOf(target, 'ResTarget')?.val
  return { text, parsed: Buffer.from(`${prefix}${text}`), tree, ...scan(tree, table) }
}

/** The parts of a piece of a parsed expression. */
export function scan(tree: unknown, table: string): Scan {
  if (typeof tree !== 'object' || tree === null) return scanAnew(tree, table)
  const known = scanned.get(tree) ?? new Map<string, Scan>()
  scanned.set(tree, known)
  // Where no column is qualified by the table's name, the name changes nothing.
  const key = isQualifiedBy(tree, table) ? table : ''
  const found = known.get(key) ?? scanAnew(tree, table)
  known.set(key, found)
  return found
}

type Scan = Pick<Expression, 'calls' | 'sublinks' | 'columns'>

/** Trees never change; what is found is kept by the table's name where that matters. */
const scanned = new WeakMap<object, Map<string, Scan>>()

function isQualifiedBy(tree: unknown, table: string): boolean {
  return walk(tree).some(([type, { fields }]) => type === 'ColumnRef' && namesOf(fields).includes(table))
}

function scanAnew(tree: unknown, table: string): Scan {
  const { visit, calls, sublinks, columns } = createScanner(table)
  visit(tree, undefined)
  return { calls, sublinks, columns }
}

interface OpenSubLink extends SubLink {
  readonly columns: string[]
  readonly relations: Reading[]
}

function createScanner(table: string) {
  const calls: Call[] = []
  const sublinks: SubLink[] = []
  const columns: string[] = []

  function visit(value: unknown, sublink: OpenSubLink | undefined): void {
    if (Array.isArray(value)) {
      for (const each of value) visit(each, sublink)
      return
    }
    if (!isNode(value)) return
    const found = typed(value)
    if (found === undefined) for (const each of Object.values(value)) visit(each, sublink)
    else visitTyped(found, sublink)
  }

  function visitTyped([type, node]: Typed, sublink: OpenSubLink | undefined): void {
    if (type === 'SubLink') visitSubLink(node, sublink)
    else if (type === 'ColumnRef') visitColumn(namesOf(node.fields), sublink)
    else if (type === 'FuncCall') visitCall(node, sublink)
    else {
      if (type === 'RangeVar') sublink?.relations.push(toReading(node))
      visit(Object.values(node), sublink)
    }
  }

  function visitCall(node: TreeNode, sublink: OpenSubLink | undefined): void {
    const before = columns.length
    visit(Object.values(node), sublink)
    calls.push({
      ...qualifiedName(namesOf(node.funcname)),
      node,
      args: listOf(node.args),
      sublink,
      columns: columns.slice(before),
      location: locationOf(node),
    })
  }

  function visitSubLink(node: TreeNode, parent: OpenSubLink | undefined): void {
    visit(node.testexpr, parent)
    const kind = kinds[String(node.subLinkType)] ?? 'expression'
    const open: OpenSubLink = { kind, node, parent, relations: [], columns: [], location: locationOf(node) }
    sublinks.push(open)
    // FROM comes before what reads it, so that aliases are known; a sub-select may be nested in it.
    const select = fieldsOf(node.subselect, 'SelectStmt')
    visit(select?.fromClause, open)
    visit(node.subselect === undefined ? undefined : withoutFrom(node.subselect), open)
  }

  function visitColumn(names: readonly string[], sublink: OpenSubLink | undefined): void {
    const own = sublink === undefined ? names.length === 1 || names[0] === table : isOuter(names, sublink)
    if (!own) return
    const name = names.at(-1) ?? ''
    columns.push(name)
    for (
      let each: OpenSubLink | undefined = sublink;
      each !== undefined;
      each = each.parent as OpenSubLink | undefined
    ) {
      each.columns.push(name)
    }
  }

  function isOuter(names: readonly string[], sublink: SubLink): boolean {
    if (names.length < 2 || names.at(-2) !== table) return false
    for (let each: SubLink | undefined = sublink; each !== undefined; each = each.parent) {
      if (each.relations.some(({ alias }) => alias === table)) return false
    }
    return true
  }

  return { visit, calls, sublinks, columns }
}

const kinds: Readonly<Record<string, SubLink['kind']>> = {
  EXISTS_SUBLINK: 'exists',
  ANY_SUBLINK: 'any',
  ALL_SUBLINK: 'all',
  ARRAY_SUBLINK: 'array',
  EXPR_SUBLINK: 'expression',
}

function withoutFrom(select: unknown): unknown {
  const { fromClause: _, ...rest } = fieldsOf(select, 'SelectStmt') ?? {}
  return Object.values(rest)
}

function toReading(node: TreeNode): Reading {
  const name = String(node.relname)
  const alias = isNode(node.alias) ? String(node.alias.aliasname) : name
  const schema = typeof node.schemaname === 'string' ? node.schemaname : undefined
  return { schema: schema === 'pg_catalog' ? undefined : schema, name, alias }
}

/** The parser leaves a location of 0 out. */
function locationOf(node: TreeNode): number {
  return typeof node.location === 'number' ? node.location : 0
}
