/**
 * Takes the comments out of a text, for a parser that stumbles over some of them: see `parser.ts`.
 *
 * What comes out is judged and sent in the text's place, so a mistake here could change a statement, and never let one past
 * the judge.
 */

/** A string with escapes; a name, which may hold `$`; a number or parameter; a quote; a dollar quote; a comment. */
const starts =
  /e'|[a-z_\u0080-\uffff][\w$\u0080-\uffff]*|\$?\d+|['"]|\$(?:[a-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$|--|\/\*/gi
/** The rest of a string with escapes; one that goes on in another line is not told apart. */
const escapedRest = /(?:[^'\\]|\\.|'')*'(?!\s*(?:'|--))/sy

const lineEnd = /[\n\r]/g

/**
 * The same text with a blank for each character of its comments, so that positions stay. Takes some 0.5 µs a character.
 * @returns undefined where it has none, or one cannot tell where they end
 */
export function blankComments(sql: string): string | undefined {
  let blanked = ''
  let kept = 0
  starts.lastIndex = 0
  for (let start = starts.exec(sql); start !== null; start = starts.exec(sql)) {
    const end = endOf(sql, start[0], starts.lastIndex)
    if (end === undefined) return undefined
    if (start[0] === '--' || start[0] === '/*') {
      blanked += sql.slice(kept, start.index) + sql.slice(start.index, end).replace(/./gsu, ' ')
      kept = end
    }
    starts.lastIndex = end
  }
  return kept === 0 ? undefined : blanked + sql.slice(kept)
}

/** Where it ends that starts before `from`; undefined when it does not. */
function endOf(sql: string, start: string, from: number): number | undefined {
  if (start === '--' || start === '/*') return endOfComment(sql, from - start.length)
  if (start === "e'" || start === "E'") {
    escapedRest.lastIndex = from
    return escapedRest.test(sql) ? escapedRest.lastIndex : undefined
  }
  if (/^(?:[^'"$]|\$\d)/.test(start)) return from
  const end = sql.indexOf(start, from)
  return end < 0 ? undefined : end + start.length
}

/** Where the comment ends that starts at an index; undefined when it does not. */
export function endOfComment(sql: string, at: number): number | undefined {
  if (sql.startsWith('--', at)) {
    lineEnd.lastIndex = at
    return lineEnd.exec(sql)?.index ?? sql.length
  }
  const marks = /\/\*|\*\//g
  marks.lastIndex = at + 2
  let depth = 1
  for (let mark = marks.exec(sql); mark !== null; mark = marks.exec(sql)) {
    depth += mark[0] === '/*' ? 1 : -1
    if (depth === 0) return marks.lastIndex
  }
  return undefined
}
