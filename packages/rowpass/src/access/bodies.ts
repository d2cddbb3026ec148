/**
 * What the body of a function does, by its parse tree: which settings it reads, what it calls, which tables it touches.
 */
import type { Parser } from '../statement/parser.ts'
import type { Routine } from './catalog/catalog.ts'
import { fieldsOf, isNode, listOf, namesOf, type QualifiedName, qualifiedName, stringOf, walk } from './tree.ts'

/** A call in a body. */
export interface BodyCall extends QualifiedName {
  readonly argumentCount: number
}

/** A table in a body. */
export interface BodyTable extends QualifiedName {
  readonly written: boolean
}

/** What a body does. */
export interface Body {
  /** Custom settings that it reads, such as `request.jwt.claims`. */
  readonly settings: readonly string[]
  readonly calls: readonly BodyCall[]
  readonly tables: readonly BodyTable[]
  /** Text constants in it. */
  readonly texts: readonly string[]
  /** Last parts of the names of columns in it. */
  readonly columns: readonly string[]
  /** Readings of settings that fail where the setting is missing or empty. */
  readonly fragile: readonly string[]
  /** Whether it asks who the current user is, and who logged in. */
  readonly currentUser: boolean
  readonly sessionUser: boolean
  /** Whether it runs text that it makes at run time. */
  readonly dynamic: boolean
  /** `false` when the body could not be read: another language, or one that the parser does not take. */
  readonly known: boolean
  /** The expression of `select <expression>`, where the body is that and nothing else. */
  readonly expression: unknown
}

const unknownBody: Body = {
  settings: [],
  calls: [],
  tables: [],
  texts: [],
  columns: [],
  fragile: [],
  currentUser: false,
  sessionUser: false,
  dynamic: false,
  known: false,
  expression: undefined,
}

/** Reads the body of a function; one that cannot be read gives {@link Body.known} `false`. */
export function readBody(parser: Parser, routine: Routine): Body {
  const { language, definition, resolved, body } = routine
  if (definition === undefined) return unknownBody
  if (language === 'plpgsql') {
    const found = parser.parsePlPgSql(definition)
    const trees = found?.statements.map((text) => treesOf(parser, text))
    if (found === undefined || trees === undefined) return unknownBody
    return { ...bodyOf(trees.flatMap((each) => each ?? [])), dynamic: found.dynamic, known: !trees.includes(undefined) }
  }
  const trees = treesOf(parser, resolved ? definition : body)
  if (trees === undefined) return unknownBody
  if (!resolved) return { ...bodyOf(trees), expression: onlyExpression(trees) }
  const statement = fieldsOf(trees[0], 'CreateFunctionStmt')?.sql_body
  return { ...bodyOf([statement]), expression: fieldsOf(statement, 'ReturnStmt')?.returnval }
}

function treesOf(parser: Parser, text: string): readonly unknown[] | undefined {
  const parsed = parser.parse(text)
  return parsed.kind === 'tree' ? parsed.statements : undefined
}

function onlyExpression(trees: readonly unknown[]): unknown {
  const select = fieldsOf(trees[0], 'SelectStmt')
  if (trees.length !== 1 || select === undefined || select.fromClause !== undefined || select.whereClause !== undefined)
    return undefined
  const targets = listOf(select.targetList)
  return targets.length === 1 ? fieldsOf(targets[0], 'ResTarget')?.val : undefined
}

/** What a list of parsed statements or expressions does. */
export function bodyOf(trees: readonly unknown[]): Body {
  const [first, ...more] = trees.map(bodyOfTree)
  if (first === undefined) return { ...unknownBody, known: true }
  return more.reduce(joined, first)
}

/** Trees never change, and each is asked for many times. */
const bodies = new WeakMap<object, Body>()

function bodyOfTree(tree: unknown): Body {
  if (typeof tree !== 'object' || tree === null) return readTree(tree)
  let body = bodies.get(tree)
  if (body === undefined) {
    body = readTree(tree)
    bodies.set(tree, body)
  }
  return body
}

function joined(a: Body, b: Body): Body {
  const both = <T>(one: readonly T[], other: readonly T[]): readonly T[] => [...new Set([...one, ...other])]
  return {
    settings: both(a.settings, b.settings),
    calls: both(a.calls, b.calls),
    tables: both(a.tables, b.tables),
    texts: both(a.texts, b.texts),
    columns: both(a.columns, b.columns),
    fragile: both(a.fragile, b.fragile),
    currentUser: a.currentUser || b.currentUser,
    sessionUser: a.sessionUser || b.sessionUser,
    dynamic: a.dynamic || b.dynamic,
    known: a.known && b.known,
    expression: undefined,
  }
}

function readTree(tree: unknown): Body {
  const found = { settings: new Set<string>(), texts: new Set<string>(), calls: [] as BodyCall[] }
  const tables: BodyTable[] = []
  const ctes = new Set<string>()
  const columns = new Set<string>()
  const fragile = new Set<string>()
  let currentUser = false
  let sessionUser = false
  for (const [type, node] of walk(tree)) {
    if (type === 'FuncCall') {
      const name = qualifiedName(namesOf(node.funcname))
      found.calls.push({ ...name, argumentCount: listOf(node.args).length })
      const setting = settingOf(name, node.args)
      if (setting !== undefined) found.settings.add(setting)
      if (setting !== undefined && !toleratesMissing(node.args)) fragile.add(`current_setting('${setting}')`)
    } else if (type === 'TypeCast') {
      const setting = castSetting(node)
      if (setting !== undefined) fragile.add(`current_setting('${setting}', true)::${castName(node)}`)
    } else if (type === 'ColumnRef') {
      columns.add(namesOf(node.fields).at(-1) ?? '')
    } else if (type === 'SQLValueFunction') {
      currentUser ||= /CURRENT_(USER|ROLE)|SVFOP_USER/.test(String(node.op))
      sessionUser ||= node.op === 'SVFOP_SESSION_USER'
    } else if (type === 'A_Const') {
      const text = stringOf({ A_Const: node })
      if (text !== undefined) found.texts.add(text)
    } else if (type === 'CommonTableExpr') {
      ctes.add(String(node.ctename))
    } else if (type === 'RangeVar') {
      tables.push({ ...toName(node), written: false })
    } else if (type === 'InsertStmt' || type === 'UpdateStmt' || type === 'DeleteStmt' || type === 'MergeStmt') {
      if (isNode(node.relation)) tables.push({ ...toName(node.relation), written: true })
    }
  }
  return {
    settings: [...found.settings],
    calls: found.calls,
    texts: [...found.texts],
    columns: [...columns],
    fragile: [...fragile],
    tables: tables.filter(({ schema, name }) => schema !== undefined || !ctes.has(name)),
    currentUser,
    sessionUser,
    dynamic: false,
    known: true,
    expression: undefined,
  }
}

/** The custom setting that a call of `current_setting` reads; `'*'` when its name is made at run time. */
export function settingOf(name: QualifiedName, args: unknown): string | undefined {
  if (name.schema !== undefined || name.name !== 'current_setting') return undefined
  const [first] = listOf(args)
  const setting = stringOf(first) ?? '*'
  return setting === '*' || setting.includes('.') ? setting : undefined
}

/** Whether the second argument is `true`: a missing setting is NULL then, and an error otherwise. */
export function toleratesMissing(args: unknown): boolean {
  const [, second] = listOf(args)
  const constant = fieldsOf(second, 'A_Const')
  return isNode(constant?.boolval) ? constant.boolval.boolval === true : second !== undefined
}

/** The setting of `current_setting(…)::type`, where an empty text is no value of the type. */
export function castSetting(cast: Readonly<Record<string, unknown>>): string | undefined {
  const call = fieldsOf(cast.arg, 'FuncCall')
  if (call === undefined || ['text', 'varchar', 'bpchar', 'name'].includes(castName(cast))) return undefined
  return settingOf(qualifiedName(namesOf(call.funcname)), call.args)
}

function castName(cast: Readonly<Record<string, unknown>>): string {
  return isNode(cast.typeName) ? (namesOf(cast.typeName.names).at(-1) ?? '') : ''
}

function toName(node: Readonly<Record<string, unknown>>): QualifiedName {
  return {
    schema: typeof node.schemaname === 'string' ? node.schemaname : undefined,
    name: String(node.relname),
  }
}
