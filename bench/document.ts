/**
 * Writes measured tables into a document, between two markers, so that what is written by hand around them stays.
 */
import { readFileSync, writeFileSync } from 'node:fs'

/** A cell: text, or a number that is rounded as its size suggests. */
export type Cell = string | number

/** A table of Markdown; columns of numbers are aligned to the right. */
export function toTable(head: readonly string[], rows: readonly (readonly Cell[])[]): string {
  const rule = head.map((_, column) => (typeof rows[0]?.[column] === 'number' ? '---:' : '---'))
  return [head, rule, ...rows].map((cells) => `| ${cells.map(toText).join(' | ')} |`).join('\n')
}

function toText(cell: Cell): string {
  if (typeof cell === 'string') return cell
  if (cell >= 1_000) return Math.round(cell).toLocaleString('en-GB')
  return cell.toFixed(cell >= 100 ? 0 : cell >= 10 ? 1 : 2)
}

/**
 * Replaces what is between `<!-- name -->` and `<!-- /name -->`.
 * @throws TypeError when the file has no such markers
 */
export function replaceSection(file: string, name: string, text: string): void {
  const before = readFileSync(file, 'utf8')
  const [open, close] = [`<!-- ${name} -->`, `<!-- /${name} -->`]
  const [start, end] = [before.indexOf(open), before.indexOf(close)]
  if (start < 0 || end < start) throw new TypeError(`${file} has no section ${name}`)
  writeFileSync(file, `${before.slice(0, start + open.length)}\n${text}\n${before.slice(end)}`)
}
