/**
 * The shape of a text: the same with a mark in the place of each constant, so that texts that differ in constants only have
 * one. Whatever is judged of the shape holds for the text: the judge reads names and syntax, and no constant.
 *
 * It reads a part of PostgreSQL's lexer (scan.l), where there is no doubt what a token is and where it ends, and gives up at
 * anything else: a comment inside, a backslash, a dollar quote, a string with a prefix, a number that is not plain. So a mistake
 * can only be in what it does read; `npm run fuzz:shapes` compares that with the parser.
 */

import { endOfComment } from './comments.ts'

/** A longer text has no shape: see `maxShortLength` of the gateway. */
export const maxShapedLength = 16 * 1024

const otherwise = 0
const letter = 1
const digit = 2
const operator = 3
const quote = 4
const doubleQuote = 5
const dollar = 6
const dot = 7
const space = 8
const stop = 9

/** What a character may begin, by its code; all above ASCII are letters, as for PostgreSQL. */
const kinds = Uint8Array.from({ length: 128 }, (_, code) => kindOf(String.fromCharCode(code)))

function kindOf(character: string): number {
  if (/[a-z_]/i.test(character)) return letter
  if (/[0-9]/.test(character)) return digit
  if (/[-+*/<>=~!@#%^&|`?]/.test(character)) return operator
  if (/[ \t\n\r\f\v]/.test(character)) return space
  if (/[,()[\];:{}]/.test(character)) return otherwise
  return { "'": quote, '"': doubleQuote, $: dollar, '.': dot }[character] ?? stop
}

/** The kind of the character at an index; past the end it is `otherwise`. */
function kindAt(sql: string, at: number): number {
  const code = sql.charCodeAt(at)
  return code < 128 ? (kinds[code] ?? stop) : at < sql.length ? letter : otherwise
}

/** One constant, or parameter, and where it ends. */
interface Constant {
  readonly mark: "''" | '0' | '0.0' | '$0'
  readonly end: number
}

/**
 * What has a number in parentheses that is no constant of the tree: FLOAT(n) is one type or another, or an error, by it, and
 * fingerprints differ by that of the others. POSITION(a IN b) has no list.
 */
const special: ReadonlySet<string> = new Set(
  'float current_time current_timestamp localtime localtimestamp position'.split(' '),
)

/** An integer of more is a number with a fraction to the grammar, which takes it in fewer places. */
const maxInteger = 2_147_483_647

/**
 * The shape of a text. It is a text itself, with itself as its shape.
 *
 * A parameter has one mark whatever its number, a list of two or more constants behind IN is one of two, and comments at the
 * end are left out: those of tracing are always new.
 * @returns undefined where a part of the text is not understood; also for one above {@link maxShapedLength}
 */
export function toShape(sql: string): string | undefined {
  if (sql.length > maxShapedLength || !isText(sql)) return undefined
  let shape = ''
  let kept = 0
  /** The last character that is no space. */
  let before = ''
  /** Behind that character. */
  let end = 0
  for (let at = 0; at < sql.length; ) {
    const start = at
    const kind = kindAt(sql, at)
    if (kind === quote || kind === digit || kind === dollar) {
      const constant = readConstant(sql, at)
      if (constant === undefined) return undefined
      at = constant.end
      // The size of an array type is no constant of the tree.
      if (before !== '[' || sql[skipSpace(sql, at)] !== ']') {
        shape += sql.slice(kept, start) + constant.mark
        kept = at
      }
    } else if (isComment(sql, at) && isAllComments(sql, at)) {
      break
    } else {
      const after = endOfToken(sql, at, kind)
      if (after === undefined) return undefined
      // Behind a dot it is the name of a function.
      const list = kind === letter && before !== '.' && isIn(sql, at, after) ? endOfList(sql, after) : undefined
      if (list !== undefined) {
        shape += `${sql.slice(kept, after)} (0,0)`
        kept = list
      }
      at = list ?? after
    }
    if (kind !== space) {
      before = sql[at - 1] ?? ''
      end = at
    }
  }
  return shape + sql.slice(kept, end)
}

/** Where a token ends that is no constant, by its kind; undefined where it may be a part of something else. */
function endOfToken(sql: string, at: number, kind: number): number | undefined {
  switch (kind) {
    case space:
    case otherwise:
      return at + 1
    case letter: {
      const end = endOfName(sql, at)
      if (kindAt(sql, end) === quote) return undefined
      return sql[skipSpace(sql, end)] === '(' && special.has(sql.slice(at, end).toLowerCase()) ? undefined : end
    }
    case operator:
      return endOfOperator(sql, at)
    case doubleQuote:
      return endOfQuoted(sql, at, '"')
    case dot:
      return kindAt(sql, at + 1) === digit ? undefined : at + 1
    default:
      return undefined
  }
}

/** What no constant may hold either: the parser stops at NUL, and an unpaired surrogate has no UTF-8. */
function isText(sql: string): boolean {
  return !/[\0\\]/.test(sql) && !/\p{Surrogate}/u.test(sql)
}

function readConstant(sql: string, at: number): Constant | undefined {
  switch (kindAt(sql, at)) {
    case quote: {
      const end = endOfQuoted(sql, at, "'")
      return end === undefined ? undefined : { mark: "''", end }
    }
    case digit:
      return readNumber(sql, at)
    case dollar: {
      const end = endOfDigits(sql, at + 1)
      // Ten digits may be more than a parameter can have.
      const isParameter = end > at + 1 && end <= at + 10 && isEndOfNumber(sql, end)
      return isParameter ? { mark: '$0', end } : undefined
    }
    default:
      return undefined
  }
}

function readNumber(sql: string, at: number): Constant | undefined {
  const whole = endOfDigits(sql, at)
  const hasFraction = kindAt(sql, whole) === dot
  const end = hasFraction ? endOfDigits(sql, whole + 1) : whole
  if (!isEndOfNumber(sql, end) || (hasFraction && end === whole + 1)) return undefined
  return { mark: !hasFraction && Number(sql.slice(at, end)) <= maxInteger ? '0' : '0.0', end }
}

/** Nothing follows that PostgreSQL would take for a part of it, or for an error. */
function isEndOfNumber(sql: string, at: number): boolean {
  const kind = kindAt(sql, at)
  return kind !== letter && kind !== dot && kind !== dollar
}

function endOfDigits(sql: string, at: number): number {
  while (kindAt(sql, at) === digit) at++
  return at
}

function endOfName(sql: string, at: number): number {
  for (;;) {
    const kind = kindAt(sql, ++at)
    if (kind !== letter && kind !== digit && kind !== dollar) return at
  }
}

function isComment(sql: string, at: number): boolean {
  return sql.startsWith('--', at) || sql.startsWith('/*', at)
}

/** Whether nothing but comments and space follows. */
function isAllComments(sql: string, at: number): boolean {
  while (at < sql.length) {
    const end = isComment(sql, at) ? endOfComment(sql, at) : undefined
    if (end === undefined) return false
    at = skipSpace(sql, end)
  }
  return true
}

/** Undefined where a comment begins in it, or it may be the one of `U&'…'`. */
function endOfOperator(sql: string, at: number): number | undefined {
  const start = at
  while (kindAt(sql, at) === operator) at++
  if (/--|\/\*/.test(sql.slice(start, at))) return undefined
  const next = kindAt(sql, at)
  return sql[at - 1] === '&' && (next === quote || next === doubleQuote) ? undefined : at
}

/** Where it ends that is quoted from an index on; a doubled mark is one in the text. */
function endOfQuoted(sql: string, at: number, mark: string): number | undefined {
  for (let end = sql.indexOf(mark, at + 1); end >= 0; end = sql.indexOf(mark, end + 2)) {
    if (sql[end + 1] !== mark) return end + 1
  }
  return undefined
}

function isIn(sql: string, at: number, end: number): boolean {
  return end === at + 2 && /^in$/i.test(sql.slice(at, end))
}

/** Where a list in parentheses ends, of two or more constants and nothing else. */
function endOfList(sql: string, at: number): number | undefined {
  at = skipSpace(sql, at)
  if (sql[at] !== '(') return undefined
  for (let items = 1; ; items++) {
    const constant = readConstant(sql, skipSpace(sql, at + 1))
    if (constant === undefined) return undefined
    at = skipSpace(sql, constant.end)
    if (sql[at] === ')') return items < 2 ? undefined : at + 1
    if (sql[at] !== ',') return undefined
  }
}

function skipSpace(sql: string, at: number): number {
  while (kindAt(sql, at) === space) at++
  return at
}
