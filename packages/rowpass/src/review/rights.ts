/**
 * Rights that depend on no row that is there: what may be written, and which columns are granted.
 */
import type { Command } from '../access/catalog/catalog.ts'
import { withConnection } from '../database/connect.ts'
import { Failure } from '../errors.ts'
import { compareApprovals, toApproval } from '../matrix/approval.ts'
import type { Matrix, Subject } from '../matrix/cell.ts'
import { drawMatrix, type MatrixOptions } from '../matrix/draw.ts'
import { grantsOf } from '../matrix/table.ts'
import type { RowShift } from './row-changes.ts'
import { roleOf, type State } from './state.ts'

/** A right to write, or to read a column, that comes or goes; in words, as it depends on no row that is there. */
export interface RightShift {
  readonly subject: string
  readonly table: string
  readonly command: Command
  /** Whether it is new; else it is gone. */
  readonly gained: boolean
  /** What may be done now, or might be before: `adds rows of another tenant`, `reads the column salary`. */
  readonly says: string
  readonly through: readonly string[]
}

/** How both states are tried. */
export interface WriteOptions {
  readonly beforeUrl: string
  readonly afterUrl: string
  /** Whether tables may be locked for a moment. */
  readonly alone: boolean
  readonly tenantClaim?: string
  readonly timeoutMs: number
}

/** Columns that may be read or set now and could not be before, on tables that were open already. */
export function compareColumns(before: State, after: State, subjects: readonly Subject[]): RightShift[] {
  return [...after.tables].flatMap(([name, table]) => {
    const old = before.tables.get(name)
    if (old === undefined) return []
    const shared = old.columns.filter((column) => table.columns.some((each) => each.name === column.name))
    return subjects.flatMap((subject) => {
      if ([before, after].some((state) => roleOf(state, subject) === undefined)) return []
      const [was, is] = [grantsOf(old, subject.role), grantsOf(table, subject.role)]
      return (['select', 'update'] as const).flatMap((command): RightShift[] => {
        // Where nothing was granted, it is the rows that are new.
        if (was[command].length === 0 || is[command].length === 0 || !was.usage || !is.usage) return []
        const say = (columns: readonly string[], gained: boolean): RightShift[] =>
          columns.length === 0
            ? []
            : [
                {
                  subject: subject.name,
                  table: name,
                  command,
                  gained,
                  says: `${command === 'select' ? 'reads' : 'sets'} ${columns.length === 1 ? 'the column' : 'the columns'} ${columns.join(', ')}`,
                  through: [],
                },
              ]
        const names = shared.map((column) => column.name)
        return [
          ...say(
            names.filter((each) => is[command].includes(each) && !was[command].includes(each)),
            true,
          ),
          ...say(
            names.filter((each) => was[command].includes(each) && !is[command].includes(each)),
            false,
          ),
        ]
      })
    })
  })
}

const access: Readonly<Record<string, string>> = {
  own: 'of the own tenant',
  other: 'of another tenant',
  shared: 'of no tenant',
  any: '',
}

/** What INSERT adds and UPDATE gives away, and what the rows could not tell of the other commands. */
export async function compareWrites(
  options: WriteOptions,
  people: { readonly before: string; readonly after: string },
  rows: readonly RowShift[],
): Promise<{ rights: RightShift[]; notes: string[] }> {
  const { beforeUrl, afterUrl, alone, tenantClaim, timeoutMs } = options
  const how: MatrixOptions = { timeoutMs, liftForce: alone, ...(tenantClaim !== undefined && { tenantClaim }) }
  const before = await drawIn(beforeUrl, { ...how, file: people.before })
  const after = await drawIn(afterUrl, { ...how, file: people.after })
  const [was, is] = [toApproval(before), toApproval(after)]
  const rights: RightShift[] = []
  const notes: string[] = []
  for (const difference of compareApprovals(was, is)) {
    const { table, identity: subject, before: old = '', after: now = '' } = difference
    const command = difference.command as Command
    const isNew = !(table in was.tables)
    const known = table in is.tables && !isNew
    const isEmpty = [before, after].some((matrix) => (tableOf(matrix, table)?.made ?? 0) > 0)
    const sameTenants =
      JSON.stringify(before.subjects) === JSON.stringify(after.subjects) &&
      tableOf(before, table)?.tenantColumn === tableOf(after, table)?.tenantColumn
    const read = (text: string) => words(text, command, isEmpty, sameTenants)
    const [a, b] = [read(old), read(now)]
    const added = [...b].filter((word) => !a.has(word))
    const removed = [...a].filter((word) => !b.has(word))
    const through = policiesOf(added.length > 0 ? after : before, table, subject, command)
    // A new table is new to everybody: what is worth a word is what others may do with it.
    const worth = isNew ? added.filter((word) => word === 'other') : added
    for (const word of known || isNew ? worth : [])
      rights.push({ subject, table, command, gained: true, says: say(word, command), through })
    for (const word of known ? removed : [])
      rights.push({ subject, table, command, gained: false, says: say(word, command), through })
    if (difference.kind === 'unverified' && !isNew) {
      const why = cellOf(after, table, subject, command)?.notes[0] ?? 'it was not tried'
      notes.push(`${subject}: ${command.toUpperCase()} on ${table} is not compared: ${why}`)
    }
  }
  return { rights: rights.filter((right) => !isTold(right, rows)), notes }
}

/**
 * Words of INSERT, and of UPDATE `move`: the rows of the other commands are compared one by one, unless a table has none but
 * those that the matrix makes for its trial. None where the change has the matrix see tenants otherwise: it then tries other rows, whose own policies are
 * compared by samples anyway.
 */
function words(text: string, command: Command, isEmpty: boolean, sameTenants: boolean): Set<string> {
  const all = text.split(' ').filter((word) => word in access || word === 'move')
  const told = all.filter((word) => word === 'move' && command === 'update')
  const list = command === 'insert' || isEmpty ? all : told
  return new Set(sameTenants ? list : [])
}

const verbs: Readonly<Record<Command, string>> = {
  select: 'reads',
  insert: 'adds',
  update: 'changes',
  delete: 'removes',
}

function say(word: string, command: Command): string {
  if (word === 'move') return 'gives rows to another tenant'
  return `${verbs[command]} rows ${access[word]}`.trimEnd()
}

function isTold(right: RightShift, rows: readonly RowShift[]): boolean {
  const row = right.command === 'update' ? 'change' : right.command
  return rows.some(
    ({ subject, table, command }) =>
      subject === right.subject && table === right.table && (command === row || command === right.command),
  )
}

const emptyMatrix: Pick<Matrix, 'subjects' | 'tables'> = { subjects: [], tables: [] }

async function drawIn(url: string, options: MatrixOptions): Promise<Pick<Matrix, 'subjects' | 'tables'>> {
  try {
    return await withConnection(url, (client) => drawMatrix(client, options))
  } catch (error) {
    // Nobody may use anything there: no table, or no role of the identities yet.
    if (error instanceof Failure && error.code === 'input_invalid') return emptyMatrix
    throw error
  }
}

function cellOf({ tables }: Pick<Matrix, 'tables'>, table: string, subject: string, command: Command) {
  return tableOf({ tables }, table)?.lines.find((line) => line.subject === subject)?.cells[command]
}

function tableOf({ tables }: Pick<Matrix, 'tables'>, table: string) {
  return tables.find(({ name }) => name === table)
}

function policiesOf(
  matrix: Pick<Matrix, 'tables'>,
  table: string,
  subject: string,
  command: Command,
): readonly string[] {
  if (tableOf(matrix, table)?.rowSecurity === 'off') return ['row-level security is off']
  return cellOf(matrix, table, subject, command)?.policies ?? []
}
