/**
 * Cuts a script as psql and pg_dump write it into its statements, with the line of each.
 */
import { Failure } from '../errors.ts'

/** One statement of a script. */
export interface ScriptStatement {
  /** Without its semicolon, and without comments before it. */
  readonly sql: string
  /** Line of its first word, from 1. */
  readonly line: number
  /** What stands after `copy … from stdin`, without the line that ends it. */
  readonly data?: string
}

/** What psql does by itself, and what means nothing to the contents of a database. */
const harmless =
  /^\\(?:restrict|unrestrict|connect|c|set|unset|pset|echo|qecho|warn|encoding|timing|x|t|a|o|q|\?|h|errverbose)(?![a-z])/

/** One lexical piece, as PostgreSQL's lexer takes it, where a semicolon in it would end nothing. */
const piece =
  /--[^\n]*|\/\*|"(?:[^"]|"")*"|\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*|\d[\w.]*|\s+|[\s\S]/y

/**
 * Cuts a script into its statements. Strings, dollar quotes, nested comments, parentheses and the bodies of functions from
 * `begin atomic` to `end` hold semicolons that end nothing.
 *
 * Commands of psql that only concern psql are passed over.
 *
 * @param name of the script, for failures
 * @throws Failure `input_invalid` for a command of psql that would have to be done, such as `\i`
 */
export function* cutScript(text: string, name: string): Generator<ScriptStatement> {
  let [at, line] = [0, 1]
  let start: { at: number; line: number } | undefined
  let [depth, blocks] = [0, 0]
  let words: string[] = []

  function* end(to: number): Generator<ScriptStatement> {
    const begun = start
    ;[start, depth, blocks, words] = [undefined, 0, 0, []]
    if (begun === undefined) return
    const sql = text.slice(begun.at, to).trimEnd()
    if (sql !== '') yield { sql, line: begun.line, ...takeData(sql) }
  }

  function takeData(sql: string): { data?: string } {
    if (!/^copy\s[^;]*?\sfrom\s+stdin\b/i.test(sql)) return {}
    const from = text.indexOf('\n', at) + 1
    if (from === 0) return { data: '' }
    const ends = /^\\\.\r?$/gm
    ends.lastIndex = from
    const found = ends.exec(text)
    const data = text.slice(from, found?.index ?? text.length)
    const next = found === null ? text.length : found.index + found[0].length
    line += countLines(text.slice(at, next))
    at = next
    return { data }
  }

  while (at < text.length) {
    piece.lastIndex = at
    const [token = ''] = piece.exec(text) ?? []
    const from = at
    let to = at + token.length
    if (token === '/*') to = endOfComment(text, from)
    else if (token.startsWith('$') && token.length > 1) {
      const close = text.indexOf(token, to)
      to = close < 0 ? text.length : close + token.length
    } else if (token === '\\' && start === undefined) {
      const eol = text.indexOf('\n', from)
      to = eol < 0 ? text.length : eol
      const command = text.slice(from, to).trim()
      if (!harmless.test(command)) {
        const detail = `${name}:${line}: ${command.split(/\s/)[0]} is a command of psql, which is not run here`
        throw new Failure('input_invalid', { detail })
      }
    }
    const isBlank = token === '/*' || token.startsWith('--') || /^\s/.test(token)
    if (!isBlank && token !== ';' && !(token === '\\' && start === undefined)) {
      start ??= { at: from, line }
      if (token === '(') depth += 1
      else if (token === ')') depth -= 1
      else if (/^[A-Za-z_]/.test(token)) {
        if (words.length < 4) words.push(token.toLowerCase())
        blocks = countBlocks(blocks, words, token.toLowerCase())
      }
    }
    const begun = start
    line += countLines(text.slice(from, to))
    at = to
    if (token === ';' && depth <= 0 && blocks === 0) {
      if (begun === undefined) continue
      yield* end(from)
    }
  }
  yield* end(text.length)
}

/** Blocks count in routines only, where `begin` can be that of `begin atomic`. */
function countBlocks(blocks: number, words: readonly string[], word: string): number {
  const isRoutine = words[0] === 'create' && words.some((each) => each === 'function' || each === 'procedure')
  if (!isRoutine) return 0
  if (word === 'begin' || (word === 'case' && blocks > 0)) return blocks + 1
  return word === 'end' && blocks > 0 ? blocks - 1 : blocks
}

function endOfComment(text: string, from: number): number {
  let depth = 0
  const marks = /\/\*|\*\//g
  marks.lastIndex = from
  for (let found = marks.exec(text); found !== null; found = marks.exec(text)) {
    depth += found[0] === '/*' ? 1 : -1
    if (depth === 0) return marks.lastIndex
  }
  return text.length
}

function countLines(text: string): number {
  let lines = 0
  for (let at = text.indexOf('\n'); at >= 0; at = text.indexOf('\n', at + 1)) lines += 1
  return lines
}
