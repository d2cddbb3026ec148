/**
 * Finds the operands of AND, OR and WHERE in a condition, as `pg_get_expr` prints it.
 */

/** Where an operand stands in the text. */
export interface Operand {
  readonly start: number
  readonly end: number
}

/** Strings, quoted names, words and single characters; PostgreSQL prints no comments and no dollar quotes. */
const tokenPattern = /E'(?:[^'\\]|\\.|'')*'|'(?:[^']|'')*'|"(?:[^"]|"")*"|\w+|\S/gi

const connectives = new Set(['AND', 'OR'])
/** Words that end a WHERE. */
const clauseEnds = new Set('GROUP HAVING WINDOW ORDER LIMIT OFFSET FETCH FOR UNION EXCEPT INTERSECT'.split(' '))

/** What stands between a pair of parentheses, or between CASE and END. */
interface Level {
  /** Where the operand under way begins; undefined before the first token. */
  start: number | undefined
  end: number
  operands: Operand[]
  /** Whether what is collected is operands, and not the whole of something. */
  counts: boolean
  /** Inside of a sub-select only what follows WHERE is a condition. */
  isSelect: boolean
}

/**
 * Lists the operands, those of sub-selects too; not the condition as a whole.
 *
 * Relies on PostgreSQL's own printing, which writes BETWEEN as two comparisons and puts operands in parentheses.
 */
export function findOperands(condition: string): Operand[] {
  const found: Operand[] = []
  const levels: Level[] = [open()]
  for (const match of condition.matchAll(tokenPattern)) {
    const [text] = match
    const end = match.index + text.length
    const word = text.toUpperCase()
    const level = levels.at(-1) ?? open()
    if (text === '(' || word === 'CASE') {
      extend(level, match.index, end)
      levels.push(open())
    } else if (text === ')' || word === 'END') {
      close(level, found)
      levels.pop()
      const outer = levels.at(-1)
      if (outer !== undefined) extend(outer, match.index, end)
    } else if (connectives.has(word)) {
      endOperand(level, true)
    } else if (word === 'SELECT' && level.start === undefined) {
      level.isSelect = true
      extend(level, match.index, end)
    } else if (word === 'WHERE' && level.isSelect) {
      level.start = undefined
      level.operands = []
      level.counts = true
    } else if (level.isSelect && level.counts && clauseEnds.has(word)) {
      close(level, found)
    } else {
      extend(level, match.index, end)
    }
  }
  for (const level of levels) close(level, found)
  return found.sort((a, b) => a.start - b.start)
}

function open(): Level {
  return { start: undefined, end: 0, operands: [], counts: false, isSelect: false }
}

function extend(level: Level, start: number, end: number): void {
  level.start ??= start
  level.end = end
}

function endOperand(level: Level, counts: boolean): void {
  if (level.start !== undefined) level.operands.push({ start: level.start, end: level.end })
  level.start = undefined
  level.counts ||= counts
}

function close(level: Level, found: Operand[]): void {
  endOperand(level, false)
  if (level.counts) found.push(...level.operands)
  level.operands = []
  level.counts = false
}
