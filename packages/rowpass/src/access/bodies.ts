/**
 * What the body of a function does, by its parse tree: which settings it reads, what it calls, which tables it touches.
 */
import type { Parser } from '../statement/parser.ts'
import type { PlPgSql, PlPgSqlStep } from '../statement/plpgsql.ts'
import type { Command, Routine } from './catalog/catalog.ts'
import { fieldsOf, isNode, listOf, namesOf, type QualifiedName, qualifiedName, stringOf, walk } from './tree.ts'

/** A call in a body. */
export interface BodyCall extends QualifiedName {
  readonly argumentCount: number
}

/** A table in a body. */
export interface BodyTable extends QualifiedName {
  /** What is done to its rows; none where they are only read. */
  readonly writes: readonly Command[]
}

/** A cast in a body. */
export interface BodyCast {
  /** The parse tree of what is cast. */
  readonly argument: unknown
  readonly type: QualifiedName
}

/** What a body does. */
export interface Body {
  /** Custom settings that it reads, such as `request.jwt.claims`. */
  readonly settings: readonly string[]
  readonly calls: readonly BodyCall[]
  readonly tables: readonly BodyTable[]
  /** Kinds of statement in it, as the parse tree calls them: `SelectStmt`, `CopyStmt` … */
  readonly statements: readonly string[]
  /** Members that it takes out of JSON, as paths: `sub`, `app_metadata.org`. */
  readonly members: readonly string[]
  /** Text constants in it. */
  readonly texts: readonly string[]
  /** Last parts of the names of columns in it. */
  readonly columns: readonly string[]
  /** What is cast to which type. */
  readonly casts: readonly BodyCast[]
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
  /** Of PL/pgSQL: what is sure to run. */
  readonly steps: readonly PlPgSqlStep[]
}

const unknownBody: Body = {
  settings: [],
  calls: [],
  tables: [],
  statements: [],
  members: [],
  texts: [],
  columns: [],
  casts: [],
  fragile: [],
  currentUser: false,
  sessionUser: false,
  dynamic: false,
  known: false,
  expression: undefined,
  steps: [],
}

/** A function's statements, parsed, and what else its language has. */
export interface Statements {
  /** Expressions of PL/pgSQL as `select <expression>`. */
  readonly trees: readonly unknown[]
  /** Whether all of it could be parsed. */
  readonly known: boolean
  readonly plpgsql: PlPgSql | undefined
}

/** Parses the body of a function; undefined where it cannot be read. */
export function readStatements(parser: Parser, routine: Routine): Statements | undefined {
  const { language, definition, resolved, body } = routine
  if (definition === undefined) return undefined
  if (language === 'plpgsql') {
    const plpgsql = readPlPgSql(parser, routine)
    if (plpgsql === undefined) return undefined
    const trees = plpgsql.statements.map((text) => treesOf(parser, text))
    return { trees: trees.flatMap((each) => each ?? []), known: !trees.includes(undefined), plpgsql }
  }
  const trees = treesOf(parser, resolved ? definition : body)
  if (trees === undefined) return undefined
  const statement = fieldsOf(trees[0], 'CreateFunctionStmt')?.sql_body
  return { trees: resolved ? [statement] : trees, known: true, plpgsql: undefined }
}

/** What the body of a function does; one that cannot be read gives {@link Body.known} `false`. */
export function readBody(statements: Statements | undefined): Body {
  if (statements === undefined) return unknownBody
  const { trees, known, plpgsql } = statements
  if (plpgsql !== undefined)
    return { ...bodyOf(trees), dynamic: plpgsql.executed.length > 0, steps: plpgsql.steps, known }
  const returned = fieldsOf(trees[0], 'ReturnStmt')
  return { ...bodyOf(trees), expression: returned === undefined ? onlyExpression(trees) : returned.returnval }
}

/**
 * Reads PL/pgSQL, whose variables may be of types of the database, which the parser does not know: where it cannot read the
 * body for that, they are taken for texts, and then for records.
 */
function readPlPgSql(parser: Parser, routine: Routine): PlPgSql | undefined {
  const { definition = '', body } = routine
  const found = parser.parsePlPgSql(definition)
  if (found !== undefined) return found
  const header = plainHeader(routine)
  for (const type of ['text', 'record']) {
    const plain = withPlainTypes(parser, body, type) ?? body
    // A function as the replacement: a body may hold `$&`.
    const again =
      (plain === body ? undefined : parser.parsePlPgSql(definition.replace(body, () => plain))) ??
      (header === undefined
        ? undefined
        : parser.parsePlPgSql(definition.replace(body, () => plain).replace(/^[\s\S]*?\n LANGUAGE /, () => header)))
    if (again !== undefined) return again
  }
  return undefined
}

/** What begins a function whose results are variables of its body, with texts for their types; undefined for any other. */
function plainHeader({ definition = '', argumentNames, returnsSet }: Routine): string | undefined {
  const [own = ''] = /^[\s\S]*?\n LANGUAGE /.exec(definition) ?? []
  if (!/[(,] ?(OUT|INOUT) |\n RETURNS TABLE\(/.test(own)) return undefined
  const names = argumentNames.map((name, at) => `inout "${name === '' ? at : name.replaceAll('"', '""')}" text`)
  return `create function f(${names.join(', ')})${returnsSet ? ' returns setof record' : ''}\n language `
}

const endsType = new Set(['not', 'collate', ':=', '=', 'default', ';'])
const keptTypes = /^(cursor|no|scroll|alias|record|refcursor)$/

/** The body with another type for the variables that are declared in it. */
function withPlainTypes(parser: Parser, body: string, type: string): string | undefined {
  const bytes = Buffer.from(body)
  const tokens = parser.tokens(body) ?? []
  const words = tokens.map(({ text }) => text.toLowerCase())
  const cuts: { start: number; end: number; type: string }[] = []
  for (let at = 0; at < tokens.length; at++) {
    if (words[at] !== 'declare') continue
    for (at++; at < tokens.length && words[at] !== 'begin'; at++) {
      const first = words[at + 1] === 'constant' ? at + 2 : at + 1
      let last = first
      while (last < tokens.length && !endsType.has(words[last] ?? ';')) last++
      const [start, end] = [tokens[first]?.start, tokens[last - 1]?.end]
      const isKept = keptTypes.test(words[first] ?? '') || words.slice(last - 2, last).join('') === '%type'
      if (start !== undefined && end !== undefined && !isKept)
        cuts.push({ start, end, type: words.slice(last - 2, last).join('') === '%rowtype' ? 'record' : type })
      at = last
      while (at < tokens.length && words[at] !== ';') at++
    }
  }
  if (cuts.length === 0) return undefined
  const parts = cuts.map((cut, index) => `${bytes.subarray(cuts[index - 1]?.end ?? 0, cut.start)}${cut.type}`)
  return parts.join('') + bytes.subarray(cuts.at(-1)?.end).toString()
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
    statements: both(a.statements, b.statements),
    members: both(a.members, b.members),
    texts: both(a.texts, b.texts),
    columns: both(a.columns, b.columns),
    casts: both(a.casts, b.casts),
    fragile: both(a.fragile, b.fragile),
    currentUser: a.currentUser || b.currentUser,
    sessionUser: a.sessionUser || b.sessionUser,
    dynamic: a.dynamic || b.dynamic,
    known: a.known && b.known,
    expression: undefined,
    steps: [],
  }
}

const writes: Readonly<Record<string, readonly Command[]>> = {
  InsertStmt: ['insert'],
  UpdateStmt: ['update'],
  DeleteStmt: ['delete'],
  MergeStmt: ['insert', 'update', 'delete'],
}

function readTree(tree: unknown): Body {
  const found = { settings: new Set<string>(), texts: new Set<string>(), calls: [] as BodyCall[] }
  const statements = new Set<string>()
  const members = new Set<string>()
  const tables: BodyTable[] = []
  const ctes = new Set<string>()
  const columns = new Set<string>()
  const casts: BodyCast[] = []
  const fragile = new Set<string>()
  let currentUser = false
  let sessionUser = false
  for (const [type, node] of walk(tree)) {
    if (type.endsWith('Stmt'))
      statements.add(type === 'SelectStmt' && node.intoClause !== undefined ? 'CreateTableAsStmt' : type)
    if (type === 'FuncCall') {
      const name = qualifiedName(namesOf(node.funcname))
      found.calls.push({ ...name, argumentCount: listOf(node.args).length })
      const setting = settingOf(name, node.args)
      if (setting !== undefined) found.settings.add(setting)
      if (setting !== undefined && !toleratesMissing(node.args)) fragile.add(`current_setting('${setting}')`)
    } else if (type === 'A_Expr') {
      const path = memberPath(node)
      if (path !== undefined) members.add(path)
    } else if (type === 'TypeCast') {
      if (isNode(node.typeName)) casts.push({ argument: node.arg, type: qualifiedName(namesOf(node.typeName.names)) })
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
    } else if (type === 'CallStmt' && isNode(node.funccall)) {
      const { funcname, args } = node.funccall
      found.calls.push({ ...qualifiedName(namesOf(funcname)), argumentCount: listOf(args).length })
    } else if (type === 'TruncateStmt') {
      for (const each of listOf(node.relations)) {
        const relation = fieldsOf(each, 'RangeVar')
        if (relation !== undefined) tables.push({ ...toName(relation), writes: ['delete'] })
      }
    } else if (type === 'RangeVar') {
      tables.push({ ...toName(node), writes: [] })
    } else if (isNode(node.relation) && writes[type] !== undefined) {
      const updates = isNode(node.onConflictClause) && node.onConflictClause.action === 'ONCONFLICT_UPDATE'
      tables.push({ ...toName(node.relation), writes: updates ? ['insert', 'update'] : writes[type] })
    }
  }
  return {
    settings: [...found.settings],
    calls: found.calls,
    statements: [...statements],
    // Of `a -> 'b' ->> 'c'` the inner part is no member of its own.
    members: [...members].filter((each) => ![...members].some((other) => other.startsWith(`${each}.`))),
    texts: [...found.texts],
    columns: [...columns],
    casts,
    fragile: [...fragile],
    tables: tables.filter(({ schema, name }) => schema !== undefined || !ctes.has(name)),
    currentUser,
    sessionUser,
    dynamic: false,
    known: true,
    expression: undefined,
    steps: [],
  }
}

/** The path of `a -> 'b' ->> 'c'`: `b.c`; undefined where it is something else, or made at run time. */
function memberPath(node: Readonly<Record<string, unknown>>): string | undefined {
  const member = stringOf(node.rexpr)
  if (!['->', '->>'].includes(namesOf(node.name).at(-1) ?? '') || member === undefined) return undefined
  const inner = fieldsOf(node.lexpr, 'A_Expr')
  const before = inner === undefined ? undefined : memberPath(inner)
  return before === undefined ? member : `${before}.${member}`
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
