/**
 * The matrix for a terminal of 100 columns.
 */

import { commands } from '../access/catalog/catalog.ts'
import type { Style } from '../access/style.ts'
import type { Difference } from './approval.ts'
import type { Cell, Line, Matrix, TableMatrix } from './cell.ts'
import { marks, short, toMark } from './wording.ts'

const nameWidth = 34
const cellWidth = 16
const indent = '  '
const width = 100

/** Prints it, with a legend of what occurs. */
export function printMatrix(matrix: Matrix, style: Style): string {
  const tables = matrix.tables.filter(({ lines }) => !isClosed(lines))
  const closed = matrix.tables.filter(({ lines }) => isClosed(lines))
  const used = new Set<string>()
  const parts = [
    headline(matrix),
    ...matrix.notes.map((note) => style.dim(note)),
    ...tables.map((table) => printTable(table, style, used)),
    ...(closed.length === 0 ? [] : [`\n${printClosed(closed, matrix, style)}`]),
    `\n${legend(used, style)}`,
    summary(matrix, style),
  ]
  return `${parts.join('\n')}\n`
}

/** Prints differences as lines of a diff, each with what it means. */
export function printDifferences(differences: readonly Difference[], style: Style): string {
  const says = {
    new: 'access that nobody approved',
    unverified: 'could not be tried, so that nothing vouches for it',
    less: 'less access than approved',
    reason: 'refused for another reason than approved',
  }
  const lines = differences.flatMap(({ kind, table, identity, command, before, after }) => {
    const cell = `${table}, ${identity}, ${command.toUpperCase()}`
    const alarming = kind === 'new' || kind === 'unverified'
    return [
      `${cell}: ${alarming ? style.red(says[kind]) : says[kind]}`,
      `- ${before ?? '(not in the approved matrix)'}`,
      `+ ${after ?? '(not tried)'}`,
    ]
  })
  return lines.map((line) => `${line}\n`).join('')
}

function headline({ database, server, subjects, tables, seconds, mode }: Matrix): string {
  const did = mode === 'tried' ? 'tried and rolled back' : 'read only'
  return `${database} on PostgreSQL ${server}: ${subjects.length} identities, ${tables.length} tables, ${did} in ${seconds.toFixed(1)} s`
}

function printTable(table: TableMatrix, style: Style, used: Set<string>): string {
  const facts = [
    ...(table.kind === 'table' ? [] : [table.kind]),
    table.rows === undefined ? 'rows unknown' : `${short(table.rows)} ${table.rows === 1 ? 'row' : 'rows'}`,
    ...(table.made === undefined ? [] : [`tried on ${table.made} made for the trial`]),
    ...(table.tenantColumn === undefined ? [] : [`tenant in ${visible(table.tenantColumn)}`]),
    ...(table.kind.endsWith('table') ? [`row-level security ${table.rowSecurity}`] : []),
  ]
  const head = commands
    .map((command) => command.toUpperCase().padEnd(cellWidth))
    .join('')
    .trimEnd()
  return [
    `\n${style.bold(visible(table.name))}  ${style.dim(facts.join(', '))}`,
    `${indent}${''.padEnd(nameWidth)}${style.dim(head)}`,
    ...table.lines.map((line) => printLine(line, style, used)),
    ...printReasons(table).map((line) => style.dim(line)),
  ].join('\n')
}

/** Why cells of a table were not tried, or fail; the same reason once. */
function printReasons({ lines }: TableMatrix): string[] {
  const reasons = new Map<string, Set<string>>()
  for (const { subject, cells } of lines) {
    for (const { command, verdict, notes } of Object.values(cells)) {
      const mark = verdict === 'untried' ? '?' : verdict === 'error' ? 'error' : undefined
      for (const each of mark === undefined ? [] : notes) {
        const key = `${mark} ${command.toUpperCase()}: ${each}`
        reasons.set(key, (reasons.get(key) ?? new Set()).add(subject))
      }
    }
  }
  return [...reasons].flatMap(([reason, subjects]) => {
    const whose = subjects.size === lines.length ? '' : ` (${[...subjects].join(', ')})`
    return wrap(visible(reason + whose))
  })
}

function wrap(text: string): string[] {
  const rows = ['']
  for (const word of text.split(' ')) {
    const row = rows.at(-1) ?? ''
    if (row !== '' && row.length + word.length >= width - 4) rows.push(word)
    else rows[rows.length - 1] = row === '' ? word : `${row} ${word}`
  }
  return rows.map((row, index) => `${indent}${index === 0 ? '' : '  '}${row}`)
}

function printLine(line: Line, style: Style, used: Set<string>): string {
  const cells = commands.map((command, index) => {
    const cell = line.cells[command]
    const mark = toMark(cell, line)
    note(cell, mark, used)
    const text = index === commands.length - 1 ? mark : `${mark} `.padEnd(cellWidth)
    return cell.crossTenant
      ? style.red(text)
      : ['grant', 'policy', 'none', 'empty'].includes(mark)
        ? style.dim(text)
        : text
  })
  return `${indent}${toWidth(visible(line.subject), nameWidth - 1)} ${cells.join('')}`
}

function note(cell: Cell, mark: string, used: Set<string>): void {
  if (mark.includes('/')) used.add('3/12')
  if ((cell.reached.other ?? 0) > 0) used.add('!9 other')
  if (cell.command === 'insert' && (cell.reached.own ?? 0) > 0) used.add('own')
  for (const word of mark.split(' ')) used.add(word.replace('!>', '>'))
}

function legend(used: ReadonlySet<string>, style: Style): string {
  return Object.entries(marks)
    .filter(([mark]) => used.has(mark))
    .map(([mark, says]) => style.dim(`${mark.padEnd(9)} ${says}`))
    .join('\n')
}

function summary({ tables }: Matrix, style: Style): string {
  const cells = tables.flatMap(({ lines }) => lines.flatMap(({ cells: each }) => Object.values(each)))
  const crossing = cells.filter(({ crossTenant }) => crossTenant).length
  const untried = cells.filter(({ verdict }) => verdict === 'untried').length
  const says = `\n${cells.length} cells, ${crossing} with cross-tenant access${untried === 0 ? '' : `, ${untried} not tried, for the reasons at their tables`}`
  const meant = 'Is it meant? --write approves what there is, and --check fails on anything new.'
  return crossing > 0 ? `${style.red(says)}\n${meant}` : says
}

function isClosed(lines: readonly Line[]): boolean {
  return lines.every(({ cells }) => commands.every((command) => cells[command].verdict === 'grant'))
}

function printClosed(closed: readonly TableMatrix[], { subjects }: Matrix, style: Style): string {
  const names = closed.map(({ name }) => visible(name)).join(', ')
  return `${style.dim(`grant to nobody, refused for all ${subjects.length}:`)} ${names}`
}

/** Names come from the database: control characters in them would move the cursor. */
function visible(text: string): string {
  return text.replaceAll(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, (found) => `\\u{${found.codePointAt(0)?.toString(16)}}`)
}

function toWidth(text: string, width: number): string {
  return text.length > width ? `${text.slice(0, width - 1)}…` : text.padEnd(width)
}
