/**
 * What a cell says, in a few characters and in a sentence. One wording for the terminal and the page.
 */
import { type Cell, type Line, total, type Whose } from './cell.ts'

/** What a mark means; the legend. */
export const marks = {
  '3/12': 'rows reached, of the rows that are there',
  own: 'INSERT: a row of the own tenant is let in',
  '!9 other': 'rows of another tenant: cross-tenant access',
  '>': 'a row can be given to another tenant',
  '^': 'let through by the policies, stopped by a constraint',
  none: 'the privilege is there, and no row is reached',
  empty: 'the table has no row',
  grant: 'refused: the role lacks the privilege',
  policy: 'refused by row-level security',
  error: 'the statement fails',
  '?': 'not tried, or not to the end, for the reason below the table',
} as const

/** The cell in at most some 20 characters. */
export function toMark(cell: Cell, line: Line): string {
  const parts = [cell.command === 'insert' ? insertMark(cell) : rowsMark(cell, line)]
  if (cell.verdict === 'constraint') parts.push('^')
  if (cell.verdict === 'untried' && total(cell.reached) > 0) parts.push('?')
  const { other = 0 } = cell.reached
  if (cell.command === 'insert' ? other > 0 : other > 0)
    parts.push(cell.command === 'insert' ? '!' : `!${short(other)} other`)
  if (cell.move === 'done' || cell.move === 'constraint') parts.push('!>')
  return parts.join(' ')
}

/** The cell in one sentence, without its notes. */
export function toSentence(cell: Cell, line: Line): string {
  const rows = total(cell.reached)
  const there = line.there === undefined ? undefined : total(line.there)
  switch (cell.verdict) {
    case 'grant':
      return 'The role lacks the privilege.'
    case 'policy':
      return 'Row-level security refuses it.'
    case 'none':
      return there === undefined ? 'No row is reached.' : `None of ${plural(there)} is reached.`
    case 'empty':
      return 'The table has no row.'
    case 'error':
      return 'The statement fails.'
    case 'untried':
      return rows > 0 ? `${plural(rows)} reached; not tried to the end.` : 'Not tried.'
    default:
      return cell.command === 'insert'
        ? `Let in: ${inserted(cell)}.`
        : `${plural(rows)}${there === undefined ? '' : ` of ${there}`}: ${byOwner(cell)}.`
  }
}

/** A number in at most four characters. */
export function short(count: number): string {
  if (count < 10_000) return String(count)
  if (count < 999_500) return `${Math.round(count / 1_000)}k`
  return `${(count / 1_000_000).toFixed(count < 9_950_000 ? 1 : 0)}M`
}

const insertNames: Readonly<Record<Whose, string>> = { own: 'own', other: 'other', shared: 'shared', any: 'yes' }
const phrases: Readonly<Record<Whose, string>> = {
  own: 'of the own tenant',
  other: 'of another tenant',
  shared: 'of no tenant',
  any: 'of a table without tenants',
}

function insertMark({ verdict, reached }: Cell): string {
  const names = keys(reached).map((whose) => insertNames[whose])
  return names.length > 0 ? names.join('+') : verdict === 'untried' ? '?' : verdict
}

function rowsMark({ verdict, reached }: Cell, { there }: Line): string {
  const rows = total(reached)
  if (rows === 0) return verdict === 'untried' ? '?' : verdict
  return there === undefined ? short(rows) : `${short(rows)}/${short(total(there))}`
}

function inserted({ reached }: Cell): string {
  return keys(reached)
    .map((whose) => (whose === 'any' ? 'a row' : `a row ${phrases[whose]}`))
    .join(', ')
}

function byOwner({ reached }: Cell): string {
  return keys(reached)
    .map((whose) => `${reached[whose]} ${phrases[whose]}`)
    .join(', ')
}

function keys(reached: Cell['reached']): Whose[] {
  return (['own', 'other', 'shared', 'any'] as const).filter((whose) => (reached[whose] ?? 0) > 0)
}

function plural(count: number): string {
  return count === 1 ? '1 row' : `${count} rows`
}

/** The cell in words, for a page: what, and whose. */
export function toLabel(cell: Cell, line: Line): { readonly main: string; readonly sub: string } {
  const { verdict, reached, command } = cell
  const rows = total(reached)
  const quiet: Readonly<Partial<Record<Cell['verdict'], string>>> = {
    grant: 'no privilege',
    policy: 'refused by policy',
    none: 'no rows',
    empty: 'empty table',
    error: 'fails',
    untried: 'not tried',
  }
  if (rows === 0) return { main: quiet[verdict] ?? verdict, sub: '' }
  const move = cell.move === 'done' || cell.move === 'constraint' ? ['can be moved'] : []
  const stopped = verdict === 'constraint' ? ['a constraint stops it'] : []
  const cut = verdict === 'untried' ? ['not tried to the end'] : []
  if (command === 'insert') {
    const names = keys(reached).filter((whose) => whose !== 'any')
    return { main: 'a row', sub: [...names.map((whose) => tenantPhrases[whose]), ...stopped, ...cut].join(', ') }
  }
  const there = line.there === undefined ? '' : ` of ${short(total(line.there))}`
  const mixed = (['other', 'shared'] as const)
    .filter((whose) => (reached[whose] ?? 0) > 0)
    .map((whose) => `${short(reached[whose] ?? 0)} of ${tenantPhrases[whose]}`)
  return { main: `${short(rows)}${there}`, sub: [...mixed, ...move, ...stopped, ...cut].join(', ') }
}

const tenantPhrases = { own: 'own tenant', other: 'another tenant', shared: 'no tenant', any: '' } as const
