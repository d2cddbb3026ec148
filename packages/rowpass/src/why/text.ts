/**
 * Cuts pieces out of SQL text by PostgreSQL's own lexer, and takes them only if they parse to what they were cut from.
 */
import type { Parser, Token, TreeNode } from '../statement/parser.ts'
import { unwrap } from '../statement/syntax.ts'

/** A boolean expression, taken apart. */
export type ConditionText =
  | { readonly kind: 'and' | 'or'; readonly text: string; readonly parts: readonly ConditionText[] }
  | { readonly kind: 'leaf'; readonly text: string; readonly comparison?: ComparedSides }

/** `left operator right`; for `x IN (SELECT …)` the right side is the sub-select. */
export interface ComparedSides {
  readonly left: string
  readonly operator: string
  readonly right: string
}

/** Puts values in the place of `$1`, `$2` … as literals whose type PostgreSQL infers. */
export function inlineParameters(
  sql: string,
  params: readonly (string | null)[],
  parser: Parser,
  toLiteral: (text: string) => string,
): string {
  const tokens = (parser.tokens(sql) ?? []).filter(({ kind }) => kind === 'PARAM')
  const bytes = Buffer.from(sql)
  let text = ''
  let from = 0
  for (const token of tokens) {
    const value = params[Number(token.text.slice(1)) - 1]
    text += bytes.subarray(from, token.start).toString()
    text += value === undefined ? token.text : value === null ? ' NULL ' : ` ${toLiteral(value)} `
    from = token.end
  }
  return text + bytes.subarray(from).toString()
}

/** The conditions that AND joins in the outermost WHERE; empty when there is none, undefined when it cannot be cut. */
export function whereConditions(sql: string, tree: TreeNode, parser: Parser): readonly string[] | undefined {
  const where = unwrap(tree)?.node.whereClause
  if (where === undefined) return []
  const words = depthZero(parser.tokens(sql) ?? [])
  const start = words.findIndex((word) => isWord(word, 'where'))
  if (start < 0) return undefined
  const last = words.slice(start + 1).find((word) => afterWhere.has(word.text.toLowerCase()))
  const text = slice(sql, words[start]?.end ?? 0, last?.start ?? Number.POSITIVE_INFINITY)
  if (!sameTree(conditionTree(text, parser), where)) return undefined
  const parts = splitAt(text, 'and', parser)
  return parts.every((part) => conditionTree(part, parser) !== undefined) ? parts : [text]
}

const afterWhere = new Set(
  'group having window order limit offset fetch for union intersect except returning ;'.split(' '),
)

/** The statement with another name in the place of its target's; undefined when that cannot be done safely. */
export function retarget(sql: string, tree: TreeNode, name: string, parser: Parser): string | undefined {
  const relation = unwrap(tree)?.node.relation as { location?: number } | undefined
  const tokens = parser.tokens(sql) ?? []
  const first = tokens.findIndex(({ start }) => start === (relation?.location ?? 0))
  if (first < 0 || relation === undefined) return undefined
  let last = first
  while (tokens[last + 1]?.text === '.') last += 2
  const end = tokens[last]?.end
  if (end === undefined) return undefined
  return `${slice(sql, 0, tokens[first]?.start ?? 0)}${name} ${slice(sql, end)}`
}

/** An INSERT without ON CONFLICT and RETURNING; undefined when that cannot be done safely. */
export function bareInsert(sql: string, parser: Parser): string | undefined {
  const words = depthZero(parser.tokens(sql) ?? [])
  const cut = words.find(
    (word, index) =>
      isWord(word, 'returning') ||
      (isWord(word, 'on') && words[index + 1] !== undefined && isWord(words[index + 1] as Token, 'conflict')),
  )
  const text = withoutEnd(cut === undefined ? sql : slice(sql, 0, cut.start), parser)
  const parsed = parser.parse(text)
  return parsed.kind === 'tree' && parsed.statements.length === 1 ? text : undefined
}

/** The text without a semicolon and comments at its end. */
export function withoutEnd(sql: string, parser: Parser): string {
  const last = (parser.tokens(sql) ?? []).filter(({ text }) => text !== ';').at(-1)
  return last === undefined ? sql : slice(sql, 0, last.end)
}

/** Takes an expression of the catalog apart, as PostgreSQL prints it: with every parenthesis. */
export function toExpression(text: string, parser: Parser): ConditionText {
  const bare = withoutParentheses(text, parser)
  for (const kind of ['or', 'and'] as const) {
    const parts = splitAt(bare, kind, parser)
    if (parts.length > 1) return { kind, text, parts: parts.map((part) => toExpression(part, parser)) }
  }
  const comparison = toComparison(bare, parser)
  return { kind: 'leaf', text: bare, ...(comparison && { comparison }) }
}

function toComparison(text: string, parser: Parser): ComparedSides | undefined {
  const words = depthZero(parser.tokens(text) ?? [])
  if (words.some((word) => ['not', 'is', 'case', 'like', 'between'].includes(word.text.toLowerCase()))) return undefined
  const operators = words.filter((word) => comparisons.has(word.text) || isWord(word, 'in'))
  const [operator, ...others] = operators
  if (operator === undefined || others.length > 0) return undefined
  const left = slice(text, 0, operator.start).trim()
  const right = slice(text, operator.end).trim()
  return left === '' || right === '' ? undefined : { left, operator: operator.text, right }
}

const comparisons = new Set(['=', '<>', '!=', '<', '>', '<=', '>='])

/** `((a))` → `a`, where the parentheses hold the whole text. */
function withoutParentheses(text: string, parser: Parser): string {
  const trimmed = text.trim()
  const tokens = parser.tokens(trimmed) ?? []
  if (tokens[0]?.text !== '(' || tokens.at(-1)?.text !== ')') return trimmed
  let depth = 0
  for (const [index, { text: word }] of tokens.entries()) {
    if (word === '(') depth++
    if (word === ')') depth--
    if (depth === 0 && index < tokens.length - 1) return trimmed
  }
  const inner = slice(trimmed, tokens[0].end, tokens.at(-1)?.start)
  // A sub-select keeps its own.
  return /^\s*(select|with|values)\b/i.test(inner) ? trimmed : withoutParentheses(inner, parser)
}

function splitAt(text: string, word: 'and' | 'or', parser: Parser): string[] {
  const words = depthZero(parser.tokens(text) ?? [])
  const between = words.some((each) => isWord(each, 'between'))
  const other = words.some((each) => isWord(each, word === 'and' ? 'or' : 'and'))
  // AND binds before OR: a text with both is a list of ORs.
  if (between || (word === 'and' && other)) return [text]
  const cuts = words.filter((each) => isWord(each, word))
  const edges = [0, ...cuts.map(({ end }) => end)]
  return edges.map((edge, index) => slice(text, edge, cuts[index]?.start).trim())
}

/** Tokens outside of parentheses, brackets and CASE; a parenthesis itself is left out. */
function depthZero(tokens: readonly Token[]): readonly Token[] {
  let depth = 0
  return tokens.filter((token) => {
    const word = token.text.toLowerCase()
    if (word === '(' || word === '[' || word === 'case') depth++
    if (word === ')' || word === ']' || (word === 'end' && depth > 0)) {
      depth--
      return false
    }
    return depth === 0
  })
}

function isWord(token: Token, word: string): boolean {
  return token.text.toLowerCase() === word
}

function slice(text: string, start: number, end: number = Number.POSITIVE_INFINITY): string {
  return Buffer.from(text).subarray(start, end).toString()
}

function conditionTree(condition: string, parser: Parser): unknown {
  const parsed = parser.parse(`select from x where (${condition}\n)`)
  if (parsed.kind !== 'tree' || parsed.statements.length !== 1) return undefined
  return unwrap(parsed.statements[0])?.node.whereClause
}

function sameTree(one: unknown, other: unknown): boolean {
  try {
    return one !== undefined && withoutPlaces(one) === withoutPlaces(other)
  } catch {
    return false
  }
}

function withoutPlaces(tree: unknown): string {
  return JSON.stringify(tree, (key, value: unknown) =>
    key === 'location' || key.startsWith('rexpr_list_') ? undefined : value,
  )
}
