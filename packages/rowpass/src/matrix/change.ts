/**
 * UPDATE and DELETE: counts the rows that they reach, then really changes or removes a few of them.
 */
import pg from 'pg'
import type { ReferentialAction } from '../access/catalog/catalog.ts'
import { type Attempted, asFailure, type TriedStatement, toLiteral, tryOnce } from './attempt.ts'
import { type Cell, type CellAttempt, owners, type RowTally, total, type Whose } from './cell.ts'
import { countersSql, countingCondition, resetCounters, toTally } from './counting.ts'
import type { TableColumn } from './table.ts'
import {
  atLeast,
  explain,
  type Findings,
  ownTenants,
  type Trial,
  toCell,
  verdictOfFailure,
  verdictOn,
} from './trial.ts'

const places = { own: ' of the own tenant', other: ' of another tenant', shared: ' of no tenant', any: '' } as const

/** Rows of each owner that are really changed or removed, one after the other, until one succeeds. */
const picks = 3

type Change = 'update' | 'delete'

/**
 * Tries UPDATE or DELETE.
 *
 * The number of rows is exact; the change itself is tried on up to three rows of each owner. A row is really removed
 * only where nothing is removed or changed along with it by a foreign key.
 *
 * @param seen what SELECT reaches; where it is the same, nothing is changed unseen
 */
export async function tryChange(trial: Trial, command: Change, seen: RowTally): Promise<Cell> {
  const { survey, grants } = trial
  const privileged = grants.usage && (command === 'delete' ? grants.delete : grants.update.length > 0)
  const column = command === 'update' ? chooseColumn(trial) : undefined
  const obstacle = privileged ? findObstacle(trial, command, column) : undefined
  if (obstacle !== undefined) return toCell(trial, command, { verdict: 'untried', notes: [obstacle] })
  if (command === 'update' && column === undefined) return toCell(trial, command, { verdict: 'grant' })
  const quick = privileged ? await changeFirst(trial, command, column) : undefined
  const counted = quick ?? (await count(trial, command, column))
  if (counted.reached === undefined) {
    const verdict = verdictOfFailure(counted.attempt, privileged)
    const notes = verdict === 'grant' ? [] : [explain(counted.attempt)]
    return toCell(trial, command, { verdict, attempts: [counted.attempt], notes })
  }
  const found: Draft = { reached: { ...counted.reached }, attempts: [counted.attempt], notes: [], verdict: undefined }
  if (total(counted.reached) > 0) {
    const same = owners.every((whose) => counted.reached?.[whose] === seen[whose])
    if (column !== undefined && !same && grants.select.includes(column.name)) await countSeen(trial, column, found)
    if (quick === undefined) await execute(trial, command, column, found)
  }
  const move = command === 'update' && survey.tenantColumn !== undefined ? await tryMove(trial, found) : undefined
  if (survey.view === undefined && survey.tenantColumn !== undefined && total(found.reached) > 0) {
    found.reached = { ...atLeast(trial, total(found.reached)) }
    found.notes.push(
      'No view could be made to count by tenant: whose rows these are is told from their number alone, and none was moved.',
    )
  }
  return toCell(trial, command, {
    ...found,
    verdict: found.verdict ?? verdictOn(trial, found.reached),
    ...(move !== undefined && { move }),
  } satisfies Findings)
}

/** A cell in the making. */
interface Draft {
  reached: Partial<Record<Whose, number>>
  readonly attempts: CellAttempt[]
  readonly notes: string[]
  verdict: Cell['verdict'] | undefined
}

function findObstacle(
  { survey, triggers, fireTriggers }: Trial,
  command: Change,
  column: TableColumn | undefined,
): string | undefined {
  const { table } = survey
  if (table.kind === 'materialized view') return 'A materialized view is never written to.'
  if (table.rules) return 'Rules rewrite what is written here.'
  const instead = triggers.find(({ timing }) => timing === 'instead of')
  if (table.kind === 'view' && instead !== undefined) return `The trigger ${instead.name} writes instead of the view.`
  if (table.kind === 'view' && (table.updatable & (command === 'delete' ? 16 : 4)) === 0)
    return 'The view cannot be written to.'
  if (command === 'update' && column === undefined) return 'Every column that may be updated is computed.'
  if (column?.identity === 'always') return 'The one column that may be set takes its values from a sequence.'
  const fired = triggers.find(
    ({ level, against, commands }) => level === 'statement' && against !== undefined && commands.includes(command),
  )
  if (fired === undefined || fireTriggers) return undefined
  return `The trigger ${fired.name} would be fired by the statement, even without a row: ${fired.against}. --fire-triggers allows it.`
}

/** A column to set: best one that no policy reads, that is in no key and says nothing of tenants. */
function chooseColumn({ survey, grants }: Trial): TableColumn | undefined {
  const { table, tenantColumn } = survey
  const involved = new Set([
    ...table.keys.flatMap(({ columns }) => columns),
    ...table.references.flatMap(({ columns }) => columns),
    ...table.referrers.flatMap(({ columns }) => columns),
  ])
  const weight = ({ name, identity }: TableColumn) =>
    Number(identity === 'always') * 8 +
    Number(table.decisive.has(name)) * 4 +
    Number(name === tenantColumn) * 2 +
    Number(involved.has(name))
  const able = table.columns.filter(({ generated }) => !generated)
  const granted = able.filter(({ name }) => grants.update.includes(name))
  // Without any privilege the statement is run all the same, to be refused.
  return (granted.length > 0 ? granted : able).toSorted((a, b) => weight(a) - weight(b))[0]
}

const counting = { update: 'count the rows that can be changed', delete: 'count the rows that can be removed' } as const

/**
 * Counts the rows and changes the first of each owner, in one statement. Undefined where that is not all there is to say:
 * something stops one of them, or none may be changed.
 */
async function changeFirst(
  trial: Trial,
  command: Change,
  column: TableColumn | undefined,
): Promise<{ attempt: CellAttempt; reached?: RowTally } | undefined> {
  const { survey } = trial
  const value = column === undefined || keepsValue(trial, column) ? undefined : survey.samples[0]?.values[column.name]
  const able =
    againstExecuting(trial, command, column) === undefined &&
    (column === undefined || column.name !== survey.tenantColumn)
  if (!able || (command === 'update' && value === undefined)) return undefined
  const says = `${counting[command]}, and ${command === 'delete' ? 'remove' : 'change'} the first of each owner`
  const statement = { says, value: value ?? null, text: toText(command, column) }
  const { attempt: tried, value: reached } = await run(trial, statement, { whose: owners, nth: 1 })
  if (reached !== undefined) return { attempt: tried, reached }
  return tried.outcome === 'timeout' ? { attempt: tried } : undefined
}

async function count(
  trial: Trial,
  command: Change,
  column: TableColumn | undefined,
): Promise<{ attempt: CellAttempt; reached?: RowTally }> {
  const counted = await run(trial, { says: counting[command], value: null, text: toText(command, column) })
  const { attempt: tried, value } = asFailure(counted)
  return { attempt: tried, ...(value !== undefined && { reached: value }) }
}

/** The same with a statement that reads a column: PostgreSQL then asks the policies of SELECT as well. */
async function countSeen(trial: Trial, column: TableColumn, found: Draft): Promise<void> {
  const set = name(column)
  const { attempt: tried, value: counted } = await run(trial, {
    says: 'count those of them that a statement reaches that reads a column',
    value: null,
    text: (table) => `update ${table} set ${set} = ${set}`,
  })
  const value = counted === undefined ? undefined : total(counted)
  const all = total(found.reached)
  if (value === undefined || value === all) return
  found.attempts.push(tried)
  found.notes.push(
    `${all - value} of the ${all} rows are not seen: only a statement without WHERE and RETURNING reaches them.`,
  )
}

async function execute(trial: Trial, command: Change, column: TableColumn | undefined, found: Draft): Promise<void> {
  const reason = againstExecuting(trial, command, column)
  if (reason !== undefined) {
    found.notes.push(`Counted, not carried out: ${reason}`)
    return
  }
  const verdicts = new Set<Cell['verdict']>()
  for (const whose of owners.filter((each) => (found.reached[each] ?? 0) > 0)) {
    const keeps = column !== undefined && keepsValue(trial, column)
    const value = column === undefined ? undefined : sampleValue(trial, whose, column)
    if (value === undefined && command === 'update' && !keeps) {
      found.notes.push('Counted, not carried out: there is no value to set.')
      continue
    }
    const says = command === 'delete' ? 'remove' : 'change'
    const text = keeps
      ? (table: string) => `update ${table} set ${name(column)} = ${name(column)}`
      : toText(command, column)
    const statement = { says, value: value ?? null, text }
    const tried = await pickRows(trial, statement, { whose, found })
    verdicts.add(settle(tried, whose, found))
  }
  found.verdict = (['rows', 'constraint', 'policy', 'error', 'untried'] as const).find((each) => verdicts.has(each))
}

/**
 * Whether a row is tried with the value that it has: policies read the column, so that the value of another row would make
 * another person's row of it. Such a statement reads the column, and meets the policies of SELECT as well.
 */
function keepsValue({ survey, grants }: Trial, { name: column }: TableColumn): boolean {
  const { table, tenantColumn } = survey
  return table.decisive.has(column) && column !== tenantColumn && grants.select.includes(column)
}

/** Tries up to three rows of an owner, until one succeeds. */
async function pickRows(
  trial: Trial,
  { says, ...statement }: Changing,
  { whose, found }: { whose: Whose; found: Draft },
): Promise<CellAttempt[]> {
  const all = found.reached[whose] ?? 0
  const tried: CellAttempt[] = []
  for (let nth = 1; nth <= Math.min(picks, all); nth++) {
    const numbered = { ...statement, says: `${says} row ${nth} of ${all}${places[whose]}` }
    const { attempt: ran } = await run(trial, numbered, { whose: [whose], nth })
    const missed = ran.outcome === 'done' && (ran.rows ?? 0) < nth
    const each: CellAttempt = missed ? { ...ran, outcome: 'unsuited', error: 'SELECT does not show the row' } : ran
    tried.push(each)
    if (each.outcome === 'done' || each.outcome === 'denied') break
  }
  found.attempts.push(...tried)
  return tried
}

/** What the rows that were tried say of all of one owner. */
function settle(tried: readonly CellAttempt[], whose: Whose, found: Draft): Cell['verdict'] {
  const all = found.reached[whose] ?? 0
  const of = (outcome: CellAttempt['outcome']) => tried.find((each) => each.outcome === outcome)
  if (of('done') !== undefined) return 'rows'
  const constraint = of('constraint')
  if (constraint !== undefined) {
    found.notes.push(
      `The policies let it through; ${tried.length} of ${all} were tried, and a constraint stops them: ${constraint.error}.`,
    )
    return 'constraint'
  }
  if (of('policy') !== undefined) {
    delete found.reached[whose]
    found.notes.push(
      `${all} rows can be chosen, but WITH CHECK refuses the change: ${tried.length} of ${all} were tried.`,
    )
    return 'policy'
  }
  const [last] = tried.slice(-1)
  found.notes.push(last === undefined ? 'No row was tried.' : explain(last))
  return last?.outcome === 'error' || last?.outcome === 'denied' ? 'error' : 'untried'
}

/** Tries to give a row of the own tenant to another one. */
async function tryMove(trial: Trial, found: Draft): Promise<Cell['move']> {
  const { survey, grants, strangers } = trial
  const { tenantColumn, table } = survey
  if (tenantColumn === undefined || (found.reached.own ?? 0) === 0) return undefined
  if (!grants.update.includes(tenantColumn)) return 'grant'
  const column = table.columns.find((each) => each.name === tenantColumn)
  const other = strangers.find((tenant) => !ownTenants(trial).includes(tenant))
  const reason = againstExecuting(trial, 'update', column)
  if (other === undefined || reason !== undefined) {
    found.notes.push(`Not tried to move a row to another tenant: ${reason ?? 'there is no other tenant.'}`)
    return undefined
  }
  const statement = { says: 'give to another tenant', value: other, text: toText('update', column) }
  const tried = await pickRows(trial, statement, { whose: 'own', found })
  const outcome = (['done', 'constraint', 'policy'] as const).find((each) => tried.some((it) => it.outcome === each))
  return outcome ?? tried[0]?.outcome
}

function againstExecuting(
  { survey, triggers, fireTriggers }: Trial,
  command: Change,
  column: TableColumn | undefined,
): string | undefined {
  const { referrers } = survey.table
  if (command === 'update' && column?.identity === 'always')
    return 'the one column that may be set takes its values from a sequence.'
  const followed = command === 'delete' ? referrers.find(({ onDelete }) => follows(onDelete)) : undefined
  if (followed !== undefined) return `the foreign key of ${followed.name} changes its rows along, past their policies.`
  const moves = referrers.find(({ onUpdate, columns }) => follows(onUpdate) && columns.includes(column?.name ?? ''))
  if (command === 'update' && moves !== undefined) return `the foreign key of ${moves.name} changes its rows along.`
  const fired = triggers.find(({ against, commands }) => against !== undefined && commands.includes(command))
  if (fired === undefined || fireTriggers) return undefined
  return `the trigger ${fired.name} would be fired: ${fired.against}. --fire-triggers allows it.`
}

/** Whether the rows that refer change along. */
function follows(action: ReferentialAction): boolean {
  return action !== 'no action' && action !== 'restrict'
}

function sampleValue(trial: Trial, whose: Whose, column: TableColumn): string | null | undefined {
  const own = ownTenants(trial)
  const sample = trial.survey.samples.find(({ tenant }) => {
    if (whose === 'any') return true
    if (whose === 'shared') return tenant === null
    return typeof tenant === 'string' && own.includes(tenant) === (whose === 'own')
  })
  return sample?.values[column.name]
}

/** An UPDATE or DELETE. */
interface Changing {
  readonly says: string
  /** What is set. */
  readonly value: string | null
  /** The statement on this table or view, with this value. */
  text(table: string, value: string): string
}

function toText(command: Change, column: TableColumn | undefined): Changing['text'] {
  if (command === 'delete') return (table) => `delete from ${table}`
  return (table, value) => `update ${table} set ${name(column)} = ${value}`
}

/**
 * Runs a statement through the view that counts, or with the condition that counts where there is no view. What is kept
 * of it is the statement as it would be written on the table itself.
 */
function run(
  trial: Trial,
  { says, value, text }: Changing,
  pick?: { whose: readonly Whose[]; nth: number },
): Promise<Attempted<RowTally>> {
  const { view, table } = trial.survey
  const onTable = `${text(table.sql, toLiteral(value))} where ${countingCondition}`
  const statement: TriedStatement = {
    says,
    sql: text(table.sql, value === null ? 'null' : '$1'),
    run: view === undefined ? onTable : text(view, toLiteral(value)),
    before: resetCounters(ownTenants(trial), pick),
    after: countersSql,
  }
  return tryOnce<RowTally>(trial.client, statement, (_, after) => {
    const counted = toTally(after)
    return { rows: total(counted), value: counted }
  })
}

function name(column: TableColumn | undefined): string {
  return pg.escapeIdentifier(column?.name ?? '')
}
