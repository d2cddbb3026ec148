/**
 * Judges one parsed statement: walks its tree, and looks up every name that can make PostgreSQL run code.
 *
 * What the text does not show is the owner's code: defaults, triggers, views, rules, policies, check constraints, the
 * operators a type brings for sorting and equality. It runs under whatever verdict the text gets, so it must leave
 * nothing in the session: no set_config(…, false), no session-level advisory lock, no temporary table, no LISTEN.
 */
import { type FunctionFacts, findGrade, type Grade } from './facts.ts'
import { findRefusedFunction, isWritingFunction } from './functions.ts'
import type { TreeNode } from './parser.ts'
import { describeStatement, noTemporary } from './refused-kinds.ts'
import { insteadOfReading, relationKind } from './relations.ts'
import { pushChildren, type TypedNode, toNames, unwrap } from './syntax.ts'
import { findTables, type TableUse } from './tables.ts'

/** What a statement is refused for, in words for its author. */
export interface StatementRefusal {
  /** Starts a sentence: `… is not allowed with a token`. */
  readonly what: string
  readonly instead?: string
}

/** What is known of a statement that may run. */
export interface Judgement {
  /** `fast` leaves no trace in the session; after `reset` the connection is reset before anybody else uses it. */
  readonly kind: 'fast' | 'reset'
  /** First word of the command; `''` for an empty text. */
  readonly command: string
  /** Whether it changes no row, locks none and calls nothing that might: safe to send again. */
  readonly readOnly: boolean
  /** How many of its parts change rows: itself, and queries of a WITH. */
  readonly changes: number
  /** What of it policies may refuse with an error; undefined where nothing is, or several parts of it. */
  readonly writing?: Writing
  /** The tables and views that it names. */
  readonly tables: readonly TableUse[]
  /** What of it may read or change other tables than those that it names, or tell of them: starts a sentence. */
  readonly beyond?: string
}

/**
 * What writes a row. PostgreSQL checks the policies for SELECT too where the statement reads the row that it writes, and
 * says nothing of which policies refused: an INSERT does that with RETURNING, or with columns behind ON CONFLICT.
 */
export type Writing = 'insert' | 'read_insert' | 'upsert' | 'update' | 'merge'

/** The findings of one walk. */
interface Findings {
  readonly facts: FunctionFacts
  refusal: StatementRefusal | undefined
  reset: boolean
  writes: boolean
  changes: number
  beyond: string | undefined
  readonly writings: Writing[]
}

const commands: ReadonlyMap<string, string> = new Map([
  ['SelectStmt', 'SELECT'],
  ['InsertStmt', 'INSERT'],
  ['UpdateStmt', 'UPDATE'],
  ['DeleteStmt', 'DELETE'],
  ['MergeStmt', 'MERGE'],
  ['ExplainStmt', 'EXPLAIN'],
  ['VariableShowStmt', 'SHOW'],
])

/**
 * Judges a statement, a node that names its own type.
 * @param allowExplain whether plans may be shown: they tell of rows that the policies hide
 */
export function judgeStatement(
  statement: TreeNode,
  facts: FunctionFacts,
  allowExplain: boolean,
): Judgement | StatementRefusal {
  const root = unwrap(statement)
  const command = root && commands.get(root.type)
  if (root === undefined || command === undefined) return describeStatement(root)
  if (command === 'EXPLAIN' && !allowExplain) return describeStatement(root)
  const findings: Findings = {
    facts,
    refusal: undefined,
    reset: false,
    writes: false,
    changes: 0,
    beyond: undefined,
    writings: [],
  }
  const stack: TypedNode[] = [root]
  for (let visit = stack.pop(); visit !== undefined; visit = stack.pop()) {
    judges.get(visit.type)?.(visit.node, findings)
    const unknown = pushChildren(visit, stack)
    if (unknown !== undefined) findings.refusal ??= describeSyntax(unknown)
    if (findings.refusal !== undefined) return findings.refusal
  }
  const { reset, writes, changes, writings, beyond } = findings
  const [writing, ...others] = writings
  return {
    kind: reset ? 'reset' : 'fast',
    command,
    readOnly: !writes,
    changes,
    tables: findTables(root),
    ...(writing === undefined || others.length > 0 ? {} : { writing }),
    ...(beyond === undefined ? {} : { beyond }),
  }
}

type Judge = (node: TreeNode, findings: Findings) => void

const judges: ReadonlyMap<string, Judge> = new Map<string, Judge>([
  ['InsertStmt', (node, findings) => judgeWrite(node, findings, writingOf(node))],
  ['UpdateStmt', (node, findings) => judgeWrite(node, findings, 'update')],
  ['DeleteStmt', (node, findings) => judgeWrite(node, findings)],
  ['MergeStmt', (node, findings) => judgeWrite(node, findings, 'merge')],
  ['OnConflictClause', judgeConflict],
  ['LockingClause', judgeLock],
  ['ExplainStmt', judgeExplain],
  ['VariableShowStmt', judgeShow],
  ['RangeVar', judgeRelation],
  ['FuncCall', (node, findings) => judgeFunction(toNames(node.funcname), findings)],
  ['ColumnRef', judgeColumn],
  ['A_Indirection', (node, findings) => judgeAttributes(toNames(node.indirection), findings)],
  ['A_Expr', judgeExpression],
  ['SubLink', (node, findings) => judgeOperator(toNames(node.operName), findings)],
  ['SortBy', (node, findings) => judgeOperator(toNames(node.useOp), findings)],
  ['TypeName', judgeType],
  ['String', judgeIdentifier],
  // Calls by keyword, which PostgreSQL 15 takes for ordinary function names.
  ['JsonObjectConstructor', keyword('json_object')],
  ['JsonArrayConstructor', keyword('json_array')],
  ['JsonArrayQueryConstructor', keyword('json_array')],
  ['JsonObjectAgg', keyword('json_objectagg')],
  ['JsonArrayAgg', keyword('json_arrayagg')],
  ['JsonFuncExpr', keyword('json_exists', 'json_query', 'json_value')],
  ['JsonParseExpr', keyword('json')],
  ['JsonScalarExpr', keyword('json_scalar')],
  ['JsonSerializeExpr', keyword('json_serialize')],
  ['JsonTable', keyword('json_table')],
  ['MergeSupportFunc', keyword('merge_action')],
])

function judgeConflict({ whereClause }: TreeNode, findings: Findings): void {
  if (whereClause === undefined || findings.facts.policiesFirst) return
  const instead =
    'This version of PostgreSQL asks it of rows that the policies hide. Choose by CASE in SET, or update to PostgreSQL ' +
    '15.20, 16.16, 17.12, 18.6 or newer.'
  refuse(findings, 'WHERE of ON CONFLICT DO UPDATE', instead)
}

function judgeLock(_: TreeNode, findings: Findings): void {
  findings.writes = true
}

/** Leaves nothing behind, but reads the session: never beside another request. */
function judgeShow(_: TreeNode, findings: Findings): void {
  findings.reset = true
  findings.beyond ??= 'SHOW'
}

function judgeFunction(names: readonly string[], findings: Findings): void {
  const [name, schema] = names.toReversed()
  if (name === undefined) return
  judgeSystemColumn(name, findings)
  const instead = findRefusedFunction(name)
  if (instead !== undefined) refuse(findings, `${name}()`, instead)
  if (isWritingFunction(name)) {
    findings.writes = true
    findings.beyond ??= `${name}()`
  }
  apply(findGrade(findings.facts.functions, schema, name) ?? unknownName, `${name}()`, findings)
}

function judgeColumn({ fields }: TreeNode, findings: Findings): void {
  const [first, ...attributes] = toNames(fields)
  if (first !== undefined) judgeSystemColumn(first, findings)
  judgeAttributes(attributes, findings)
}

/**
 * A row's place among all rows, who wrote it as which of their commands, and who refers to it: each counts hidden rows.
 * `ctid(t)` reads one as well, and nothing else does: neither `*` nor the row as a whole has them. `tableoid` tells nothing.
 */
const systemColumns = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax'])

function judgeSystemColumn(name: string, findings: Findings): void {
  if (!systemColumns.has(name)) return
  const instead = 'As a system column it tells of rows that the policies hide. Name rows by their key.'
  refuse(findings, `The name ${name}`, instead)
}

/** `t.name` is a column, or else a call of `name` with the row. */
function judgeAttributes(names: readonly string[], findings: Findings): void {
  for (const name of names) {
    judgeSystemColumn(name, findings)
    apply(findings.facts.rowFunctions.get(name)?.strictest, `${name}()`, findings)
    apply(findings.facts.types.get(name)?.strictest, `A cast to ${name}`, findings)
  }
}

function judgeExpression(node: TreeNode, findings: Findings): void {
  if (typeof node.kind === 'string' && node.kind.includes('BETWEEN')) {
    for (const operator of ['<', '>', '<=', '>=']) judgeOperator([operator], findings)
  } else {
    judgeOperator(toNames(node.name), findings)
  }
}

function judgeOperator(names: readonly string[], findings: Findings): void {
  const [name, schema] = names.toReversed()
  if (name === undefined) return
  apply(findGrade(findings.facts.operators, schema, name) ?? unknownName, `The operator ${name}`, findings)
}

function judgeType(node: TreeNode, findings: Findings): void {
  const [name, schema] = toNames(node.names).toReversed()
  if (name === undefined) return
  apply(findGrade(findings.facts.types, schema, name), `A cast to ${name}`, findings)
}

function judgeRelation(node: TreeNode, findings: Findings): void {
  const { schema, name } = toRelation(node)
  const kind = relationKind(schema, name)
  if (kind === 'closed') refuse(findings, `Reading ${name}`, insteadOfReading(name))
  if (kind === 'readable') findings.reset = true
  apply(findGrade(findings.facts.relations, schema, name), `Reading ${name}`, findings)
  if (findGrade(findings.facts.writingRelations, schema, name) !== undefined) findings.writes = true
  for (const part of [schema, name]) judgeLetters(part, findings)
}

function writingOf({ returningClause, onConflictClause }: TreeNode): Writing {
  // Its place in the tree tells the type of this node.
  const conflict = onConflictClause as TreeNode | undefined
  if (conflict?.action === 'ONCONFLICT_UPDATE') return 'upsert'
  return returningClause === undefined && conflict?.infer === undefined ? 'insert' : 'read_insert'
}

function judgeWrite({ relation }: TreeNode, findings: Findings, writing?: Writing): void {
  findings.writes = true
  findings.changes++
  if (writing !== undefined) findings.writings.push(writing)
  if (typeof relation !== 'object' || relation === null) return
  const { schema, name } = toRelation(relation as TreeNode)
  if (relationKind(schema, name) !== 'user') refuse(findings, `Writing to ${name}`, 'System catalogs are read-only.')
}

function toRelation({ schemaname, relname }: TreeNode): { schema: string | undefined; name: string } {
  return {
    schema: typeof schemaname === 'string' ? schemaname : undefined,
    name: typeof relname === 'string' ? relname : '',
  }
}

const explainOptions = new Set(
  'analyze verbose costs settings generic_plan buffers serialize wal timing summary memory format'.split(' '),
)

function judgeExplain({ query, options }: TreeNode, findings: Findings): void {
  findings.beyond ??= 'EXPLAIN'
  const explained = unwrap(query)
  const command = explained && commands.get(explained.type)
  if (explained === undefined || command === undefined || command === 'EXPLAIN' || command === 'SHOW') {
    const { what, instead } = describeStatement(explained)
    refuse(findings, `EXPLAIN of ${what}`, instead)
  }
  if (!Array.isArray(options)) return
  for (const option of options) {
    const name = String(unwrap(option)?.node.defname)
    if (!explainOptions.has(name)) refuse(findings, `The EXPLAIN option ${name}`)
  }
}

function keyword(...names: readonly string[]): Judge {
  return (_, findings) => {
    for (const name of names) apply(findings.facts.functions.get(name)?.strictest, `${name}()`, findings)
  }
}

function judgeIdentifier({ sval }: TreeNode, findings: Findings): void {
  if (typeof sval === 'string') judgeLetters(sval, findings)
}

/**
 * In a single-byte encoding PostgreSQL folds letters outside ASCII by locale, in Turkish even to ASCII: `SET_CONFİG`
 * would be read there as set_config, and here as an unknown name.
 */
function judgeLetters(name: string | undefined, findings: Findings): void {
  if (findings.facts.utf8 || name === undefined) return
  // biome-ignore lint/suspicious/noControlCharactersInRegex: the range is ASCII
  if (/[^\x00-\x7f]/.test(name)) {
    refuse(findings, 'An identifier outside ASCII', 'The database is not in UTF-8. Use ASCII names.')
  }
}

const unknownName: Grade = { kind: 'reset', beyond: true }

function apply(grade: Grade | undefined, what: string, findings: Findings): void {
  if (grade?.beyond === true) findings.beyond ??= what
  if (grade === undefined || grade.kind === 'fast') return
  findings.writes = true
  findings.reset = true
  if (grade.kind === 'refused') refuse(findings, what, grade.instead)
}

function refuse(findings: Findings, what: string, instead?: string): void {
  findings.refusal ??= instead === undefined ? { what } : { what, instead }
}

function describeSyntax(unknown: string): StatementRefusal {
  if (unknown === 'SelectStmt.intoClause') return { what: 'SELECT INTO', instead: noTemporary }
  // It takes its sample of all rows, before the policies choose.
  if (unknown === 'RangeTableSample') return { what: 'TABLESAMPLE', instead: 'Use ORDER BY random() LIMIT n.' }
  if (unknown === 'CurrentOfExpr') return { what: 'WHERE CURRENT OF', instead: 'Name the row by its key.' }
  return { what: `This syntax (${unknown})` }
}
