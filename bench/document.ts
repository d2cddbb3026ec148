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
  const [start, end] = findSection(file, before, name)
  writeFileSync(file, `${before.slice(0, start)}\n${text}\n${before.slice(end)}`)
}

/**
 * Reads the tables between the markers: the cells of each row.
 * @throws TypeError when the file has no such markers
 */
export function readRows(file: string, name: string): string[][] {
  const text = readFileSync(file, 'utf8')
  const lines = text.slice(...findSection(file, text, name)).split('\n')
  return lines.filter((line) => line.startsWith('| ')).map((line) => line.slice(2, -2).split(' | '))
}

function findSection(file: string, text: string, name: string): [start: number, end: number] {
  const open = `<!-- ${name} -->`
  const [start, end] = [text.indexOf(open), text.indexOf(`<!-- /${name} -->`)]
  if (start < 0 || end < start) throw new TypeError(`${file} has no section ${name}`)
  return [start + open.length, end]
}
