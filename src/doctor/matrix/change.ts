/**
 * UPDATE and DELETE: counts the rows that they reach, then really changes or removes a few of them.
 */
import pg from 'pg'
import { attempt } from './attempt.ts'
import type { Column } from './catalog.ts'
import { type Attempt, type Cell, owners, type Tally, total, type Whose } from './cell.ts'
import { readCounters, resetCounters } from './counting.ts'
import { explain, type Findings, ownTenants, type Trial, toCell, verdictOfFailure, verdictOn } from './trial.ts'

const places = { own: ' of the own tenant', other: ' of another tenant', shared: ' of no tenant', any: '' } as const

/** Rows of each owner that are really changed or removed, one after the other, until one succeeds. */
const picks = 3

type Change = 'update' | 'delete'

/**
 * Tries UPDATE or DELETE.
 *
 * The number of rows is exact; the change itself is tried on up to three rows of each owner. A row is really removed
 * only where nothing is removed or changed along with it by a foreign key.
 */
export async function tryChange(trial: Trial, command: Change): Promise<Cell> {
  const { survey, grants } = trial
  const privileged = grants.usage && (command === 'delete' ? grants.delete : grants.update.length > 0)
  const column = command === 'update' ? chooseColumn(trial) : undefined
  const obstacle = privileged ? findObstacle(trial, command, column) : undefined
  if (obstacle !== undefined) return toCell(trial, command, { verdict: 'untried', notes: [obstacle] })
  const counted = await count(trial, command, column)
  if (counted.reached === undefined) {
    const verdict = verdictOfFailure(counted.attempt, privileged)
    const notes = verdict === 'grant' ? [] : [explain(counted.attempt)]
    return toCell(trial, command, { verdict, attempts: [counted.attempt], notes })
  }
  const found: Draft = { reached: { ...counted.reached }, attempts: [counted.attempt], notes: [], verdict: undefined }
  if (total(counted.reached) > 0) {
    if (column !== undefined && grants.select.includes(column.name)) await countSeen(trial, column, found)
    await execute(trial, command, column, found)
  }
  const move = command === 'update' && survey.tenantColumn !== undefined ? await tryMove(trial, found) : undefined
  return toCell(trial, command, {
    ...found,
    verdict: found.verdict ?? verdictOn(trial, found.reached),
    ...(move !== undefined && { move }),
  } satisfies Findings)
}

/** A cell in the making. */
interface Draft {
  reached: Partial<Record<Whose, number>>
  readonly attempts: Attempt[]
  readonly notes: string[]
  verdict: Cell['verdict'] | undefined
}

function findObstacle(
  { survey, triggers, fireTriggers }: Trial,
  command: Change,
  column: Column | undefined,
): string | undefined {
  const { table, view } = survey
  if (table.kind === 'materialized view') return 'A materialized view is never written to.'
  if (table.rules) return 'Rules rewrite what is written here.'
  const instead = triggers.find(({ when }) => when === 'instead')
  if (table.kind === 'view' && instead !== undefined) return `The trigger ${instead.name} writes instead of the view.`
  if (table.kind === 'view' && (table.updatable & (command === 'delete' ? 16 : 4)) === 0)
    return 'The view cannot be written to.'
  if (command === 'update' && column === undefined) return 'Every column that may be updated is computed.'
  if (column?.identity === 'a') return 'The one column that may be set takes its values from a sequence.'
  if (view === undefined) return 'Rows could not be counted without being changed.'
  const fired = triggers.find(
    ({ level, against, commands }) => level === 'statement' && against !== undefined && commands.includes(command),
  )
  if (fired === undefined || fireTriggers) return undefined
  return `The trigger ${fired.name} would be fired by the statement, even without a row: ${fired.against}. --fire-triggers allows it.`
}

/** A column to set: best one that is in no key and says nothing of tenants. */
function chooseColumn({ survey, grants }: Trial): Column | undefined {
  const { table, tenantColumn } = survey
  const involved = new Set([
    ...table.keys.flatMap(({ columns }) => columns),
    ...table.references.flatMap(({ columns }) => columns),
    ...table.referrers.flatMap(({ columns }) => columns),
  ])
  const weight = ({ name, identity }: Column) =>
    Number(identity === 'a') * 4 + Number(name === tenantColumn) * 2 + Number(involved.has(name))
  const able = table.columns.filter(({ generated }) => !generated)
  const granted = able.filter(({ name }) => grants.update.includes(name))
  // Without any privilege the statement is run all the same, to be refused.
  return (granted.length > 0 ? granted : able).toSorted((a, b) => weight(a) - weight(b))[0]
}

async function count(
  trial: Trial,
  command: Change,
  column: Column | undefined,
): Promise<{ attempt: Attempt; reached?: Tally }> {
  const { client, survey } = trial
  const view = survey.view ?? survey.table.sql
  const sql = command === 'delete' ? `delete from ${view}` : `update ${view} set ${name(column)} = null`
  const says = command === 'delete' ? 'count the rows that can be removed' : 'count the rows that can be changed'
  const { attempt: tried, value } = await attempt<Tally>(
    client,
    { sql, says, before: resetCounters(ownTenants(trial)) },
    async () => {
      const reached = await readCounters(client)
      return { rows: total(reached), value: reached }
    },
  )
  return { attempt: readable(trial, tried), ...(value !== undefined && { reached: value }) }
}

/** The same with a statement that reads a column: PostgreSQL then asks the policies of SELECT as well. */
async function countSeen(trial: Trial, column: Column, found: Draft): Promise<void> {
  const { client, survey } = trial
  const { attempt: tried, value } = await attempt<number>(
    client,
    {
      sql: `update ${survey.view} set ${name(column)} = ${name(column)}`,
      says: 'count those of them that a statement reaches that reads a column',
      before: resetCounters(ownTenants(trial)),
    },
    async () => {
      const rows = total(await readCounters(client))
      return { rows, value: rows }
    },
  )
  const all = total(found.reached)
  if (value === undefined || value === all) return
  found.attempts.push(readable(trial, tried))
  found.notes.push(
    `${all - value} of the ${all} rows are not seen: only a statement without WHERE and RETURNING reaches them.`,
  )
}

async function execute(trial: Trial, command: Change, column: Column | undefined, found: Draft): Promise<void> {
  const reason = againstExecuting(trial, command, column)
  if (reason !== undefined) {
    found.notes.push(`Counted, not carried out: ${reason}`)
    return
  }
  const verdicts = new Set<Cell['verdict']>()
  for (const whose of owners.filter((each) => (found.reached[each] ?? 0) > 0)) {
    const value = column === undefined ? undefined : sampleValue(trial, whose, column)
    if (value === undefined && command === 'update') {
      found.notes.push('Counted, not carried out: there is no value to set.')
      continue
    }
    const sql = command === 'delete' ? 'delete from :view' : `update :view set ${name(column)} = $1`
    const says = command === 'delete' ? 'remove' : 'change'
    const tried = await pickRows(trial, {
      sql,
      values: command === 'delete' ? [] : [value ?? null],
      says,
      whose,
      found,
    })
    verdicts.add(settle(tried, whose, found))
  }
  found.verdict = (['rows', 'constraint', 'policy', 'error', 'untried'] as const).find((each) => verdicts.has(each))
}

/** Tries up to three rows of an owner, until one succeeds. */
async function pickRows(
  trial: Trial,
  {
    sql,
    values,
    says,
    whose,
    found,
  }: { sql: string; values: readonly (string | null)[]; says: string; whose: Whose; found: Draft },
): Promise<Attempt[]> {
  const { client, survey } = trial
  const all = found.reached[whose] ?? 0
  const tried: Attempt[] = []
  for (let nth = 1; nth <= Math.min(picks, all); nth++) {
    const { attempt: each } = await attempt(client, {
      sql: sql.replace(':view', () => survey.view ?? survey.table.sql),
      values,
      says: `${says} row ${nth} of ${all}${places[whose]}`,
      before: resetCounters(ownTenants(trial), { whose, nth }),
    })
    tried.push(readable(trial, each))
    if (each.outcome === 'done' || each.outcome === 'denied') break
  }
  found.attempts.push(...tried)
  return tried
}

/** What the rows that were tried say of all of one owner. */
function settle(tried: readonly Attempt[], whose: Whose, found: Draft): Cell['verdict'] {
  const all = found.reached[whose] ?? 0
  const of = (outcome: Attempt['outcome']) => tried.find((each) => each.outcome === outcome)
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
  const sql = `update :view set ${name(column)} = $1`
  const tried = await pickRows(trial, { sql, values: [other], says: 'give to another tenant', whose: 'own', found })
  const outcome = (['done', 'constraint', 'policy'] as const).find((each) => tried.some((it) => it.outcome === each))
  return outcome ?? tried[0]?.outcome
}

function againstExecuting(
  { survey, triggers, fireTriggers }: Trial,
  command: Change,
  column: Column | undefined,
): string | undefined {
  const { referrers } = survey.table
  if (command === 'update' && column?.identity === 'a')
    return 'the one column that may be set takes its values from a sequence.'
  const follows = command === 'delete' ? referrers.find(({ onDelete }) => 'cnd'.includes(onDelete)) : undefined
  if (follows !== undefined) return `the foreign key of ${follows.name} changes its rows along, past their policies.`
  const moves = referrers.find(
    ({ onUpdate, columns }) => 'cnd'.includes(onUpdate) && columns.includes(column?.name ?? ''),
  )
  if (command === 'update' && moves !== undefined) return `the foreign key of ${moves.name} changes its rows along.`
  const fired = triggers.find(({ against, commands }) => against !== undefined && commands.includes(command))
  if (fired === undefined || fireTriggers) return undefined
  return `the trigger ${fired.name} would be fired: ${fired.against}. --fire-triggers allows it.`
}

function sampleValue(trial: Trial, whose: Whose, column: Column): string | null | undefined {
  const own = ownTenants(trial)
  const sample = trial.survey.samples.find(({ tenant }) => {
    if (whose === 'any') return true
    if (whose === 'shared') return tenant === null
    return typeof tenant === 'string' && own.includes(tenant) === (whose === 'own')
  })
  return sample?.values[column.name]
}

/** The statement as it would be written: on the table itself, not on the view that counts. */
function readable({ survey }: Trial, tried: Attempt): Attempt {
  return survey.view === undefined ? tried : { ...tried, sql: tried.sql.replace(survey.view, () => survey.table.sql) }
}

function name(column: Column | undefined): string {
  return pg.escapeIdentifier(column?.name ?? '')
}
