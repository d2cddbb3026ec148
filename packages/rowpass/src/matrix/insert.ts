/**
 * INSERT: tries to add a row to the own tenant, to another one, and to none.
 */
import pg from 'pg'
import { type TriedStatement, toLiteral, tryOnce } from './attempt.ts'
import { type Cell, type CellAttempt, owners, type Whose } from './cell.ts'
import type { TableColumn } from './table.ts'
import { explain, ownTenants, type Trial, toCell, verdictOfFailure } from './trial.ts'
import { type Values, withFreshKeys, withPerson, withPersonAsKey } from './values.ts'

const withDefaults = 'the same, with the defaults of the table'

const places = { own: ', to the own tenant', other: ', to another tenant', shared: ', to no tenant', any: '' } as const

/** A row that is to be added. */
interface Candidate {
  readonly says: string
  readonly values: Values
  /** Columns that are left to their default. */
  readonly omitted: readonly string[]
  /** Whether a unique key is certain to stop it, after the policies and before any AFTER trigger. */
  readonly collides: boolean
}

/**
 * Tries INSERT with several rows for each owner, until one is let in: a copy of a row that is there, with keys of its
 * own, with the identity as its person, and as it is.
 *
 * PostgreSQL asks the policies before the constraints of the table, so a row that a constraint stops has been let
 * through. Where a trigger that must not run fires after the row, only rows that a unique key stops are tried.
 */
export async function tryInsert(trial: Trial): Promise<Cell> {
  const { survey, grants } = trial
  const columns = survey.table.columns.filter(({ generated }) => !generated)
  const granted = columns.filter(({ name }) => grants.insert.includes(name))
  const privileged = grants.usage && granted.length > 0
  if (!privileged) {
    const [first] = columns
    const sql = first === undefined ? 'default values' : `(${pg.escapeIdentifier(first.name)}) values (default)`
    const { attempt: tried } = await tryOnce(trial.client, {
      sql: `insert into ${survey.table.sql} ${sql}`,
      says: 'ask for the privilege',
    })
    const verdict = verdictOfFailure(tried, false)
    return toCell(trial, 'insert', { verdict, attempts: [tried], notes: verdict === 'grant' ? [] : [explain(tried)] })
  }
  const obstacle = findObstacle(trial, columns, granted)
  if (obstacle !== undefined) return toCell(trial, 'insert', { verdict: 'untried', notes: [obstacle] })
  return tryOwners(trial, granted)
}

async function tryOwners(trial: Trial, granted: readonly TableColumn[]): Promise<Cell> {
  const attempts: CellAttempt[] = []
  const notes: string[] = []
  const reached: Partial<Record<Whose, number>> = {}
  const verdicts = new Set<Cell['verdict']>()
  let returning: CellAttempt | undefined
  for (const whose of owners) {
    const candidates = toCandidates(trial, whose)
    if (candidates === undefined) continue
    const tried: CellAttempt[] = []
    for (const candidate of candidates) {
      const statement = toStatement(trial, granted, candidate)
      const { attempt: each } = await tryOnce(trial.client, statement)
      tried.push(each)
      if (each.outcome !== 'done') continue
      if (whose === 'own' || whose === 'any') returning = await tryReturning(trial, statement)
      break
    }
    attempts.push(...tried)
    const best = bestOf(tried)
    // The tenant column of a view does not say that that of its table is NOT NULL.
    if (whose === 'shared' && best?.sqlstate === '23502') continue
    if (best === undefined) {
      notes.push(`No row of ${whose} could be tried: ${lacking(trial)}`)
      verdicts.add('untried')
      continue
    }
    const letIn = best.outcome === 'done' || best.outcome === 'constraint'
    if (letIn) reached[whose] = 1
    verdicts.add(best.outcome === 'done' ? 'rows' : verdictOfFailure(best, true))
    if (best.outcome === 'constraint')
      notes.push(`The policies let ${phrase(whose)} in; a constraint stops it: ${best.error}.`)
    else if (best.outcome !== 'done' && best.outcome !== 'policy') notes.push(`${explain(best)}`)
  }
  if (returning !== undefined) attempts.push(returning)
  if (returning?.outcome === 'policy') {
    notes.push('With RETURNING the same is refused: the policies of SELECT do not let the identity see the new row.')
  }
  const order: readonly Cell['verdict'][] = ['rows', 'constraint', 'untried', 'error', 'policy']
  const verdict = order.find((each) => verdicts.has(each)) ?? 'untried'
  return toCell(trial, 'insert', {
    verdict,
    reached,
    attempts,
    notes,
    ...(returning !== undefined && { returning: returning.outcome }),
  })
}

function findObstacle(
  trial: Trial,
  columns: readonly TableColumn[],
  granted: readonly TableColumn[],
): string | undefined {
  const { survey, effects, triggers, fireTriggers, advanceSequences } = trial
  const { table } = survey
  if (table.kind === 'materialized view') return 'A materialized view is never written to.'
  if (table.rules) return 'Rules rewrite what is written here.'
  if (table.kind === 'view' && (table.updatable & 8) === 0) return 'The view takes no rows by itself.'
  for (const column of columns.filter((each) => !granted.includes(each))) {
    if (column.sequence !== undefined && !advanceSequences) {
      return `${column.name} cannot be given, so that each row that is tried would advance ${column.sequence}. --advance-sequences allows it.`
    }
    const against = column.sequence === undefined ? effects.againstDefault(column) : undefined
    if (against !== undefined) return `The default of ${column.name} would be evaluated: it ${against}.`
  }
  const fired = triggers.find(
    ({ against, commands, timing }) => against !== undefined && commands.includes('insert') && timing !== 'after',
  )
  if (fired === undefined || fireTriggers) return undefined
  return `The trigger ${fired.name} would be fired: ${fired.against}. --fire-triggers allows it.`
}

/** Rows to try for one owner; undefined where the identity or the table has no such owner. */
function toCandidates(trial: Trial, whose: Whose): Candidate[] | undefined {
  const { survey, subject } = trial
  const { table, tenantColumn } = survey
  const tenant = tenantOf(trial, whose)
  if (tenant === undefined) return undefined
  const sample =
    survey.samples.find((each) => each.tenant === tenant.value) ??
    survey.samples.find((each) => each.tenant !== null) ??
    survey.samples[0]
  if (sample === undefined) return []
  const fixed = tenantColumn === undefined ? [] : [tenantColumn]
  const placed: Values = tenantColumn === undefined ? sample.values : { ...sample.values, [tenantColumn]: tenant.value }
  const sub = typeof subject.claims.sub === 'string' ? subject.claims.sub : undefined
  const person = sub === undefined ? undefined : withPerson(table, placed, sub, undefined)
  const asKey = sub === undefined || tenant.value === sub ? undefined : withPersonAsKey(table, placed, sub)
  const omitted = table.columns
    .filter((column) => column.hasDefault && column.sequence === undefined && column.name !== tenantColumn)
    .filter((column) => trial.effects.againstDefault(column) === undefined)
    .map(({ name }) => name)
  const rows: [says: string, values: Values | undefined][] = [
    ['a copy with keys of its own', withFreshKeys(table, placed, fixed)],
    ['the same, belonging to the identity', person && withFreshKeys(table, person, fixed)],
    [withDefaults, omitted.length === 0 ? undefined : withFreshKeys(table, person ?? placed, fixed)],
    ['a row with the identity as its key', asKey],
    ['a copy as it is', placed],
  ]
  const unchanged = sample.tenant === tenant.value
  return (
    rows
      .filter((row): row is [string, Values] => row[1] !== undefined)
      // Where the column that says whose row it is says which tenant as well, the person's own row is of the own tenant.
      .filter(([, values]) => tenantColumn === undefined || values[tenantColumn] === tenant.value)
      .map(([says, values]) => ({
        says: `${says}${places[whose]}`,
        values,
        omitted: says === withDefaults ? omitted : [],
        collides: says === 'a copy as it is' && unchanged && survey.rows !== 0 && hasCollision(trial, values),
      }))
      .filter(({ collides }) => collides || !mustCollide(trial))
  )
}

/** A unique key that is checked with the row, all of whose columns the role gives. */
function hasCollision({ survey, grants }: Trial, values: Values): boolean {
  return survey.table.keys.some(
    ({ immediate, columns }) =>
      immediate && columns.every((name) => grants.insert.includes(name) && typeof values[name] === 'string'),
  )
}

function mustCollide({ triggers, fireTriggers }: Trial): boolean {
  return !fireTriggers && triggers.some(({ against, commands }) => against !== undefined && commands.includes('insert'))
}

function lacking(trial: Trial): string {
  if (!mustCollide(trial)) return 'there is no row to take values from.'
  const fired = trial.triggers.find(({ against, commands }) => against !== undefined && commands.includes('insert'))
  return `the trigger ${fired?.name} would be fired: ${fired?.against}. --fire-triggers allows it.`
}

function tenantOf(trial: Trial, whose: Whose): { value: string | null } | undefined {
  const { survey, strangers } = trial
  const column = survey.table.columns.find(({ name }) => name === survey.tenantColumn)
  const own = ownTenants(trial)
  if (column === undefined) return whose === 'any' ? { value: null } : undefined
  const [first] = own
  const stranger = strangers.find((tenant) => !own.includes(tenant))
  if (whose === 'own') return first === undefined ? undefined : { value: first }
  if (whose === 'other') return stranger === undefined ? undefined : { value: stranger }
  return whose === 'shared' && !column.notNull ? { value: null } : undefined
}

function toStatement(
  { survey }: Trial,
  granted: readonly TableColumn[],
  { says, values, omitted }: Candidate,
): TriedStatement {
  const given = granted.filter(({ name }) => !omitted.includes(name))
  const names = given.map(({ name }) => pg.escapeIdentifier(name)).join(', ')
  const system = given.some(({ identity }) => identity === 'always') ? ' overriding system value' : ''
  const head = `insert into ${survey.table.sql} (${names})${system} values`
  return {
    sql: `${head} (${given.map((_, index) => `$${index + 1}`).join(', ')})`,
    run: `${head} (${given.map(({ name }) => toLiteral(values[name] ?? null)).join(', ')})`,
    says: `add ${says}`,
  }
}

async function tryReturning(trial: Trial, { sql, run }: TriedStatement): Promise<CellAttempt | undefined> {
  const [column] = trial.grants.select
  if (column === undefined) return undefined
  const returning = ` returning ${pg.escapeIdentifier(column)}`
  const statement = { sql: sql + returning, run: `${run}${returning}`, says: 'the same with RETURNING' }
  return (await tryOnce(trial.client, statement)).attempt
}

/** What was let furthest; a row that did not suit says something only when no other was tried. */
function bestOf(tried: readonly CellAttempt[]): CellAttempt | undefined {
  const order: readonly CellAttempt['outcome'][] = [
    'done',
    'constraint',
    'policy',
    'denied',
    'error',
    'timeout',
    'busy',
    'unsuited',
  ]
  return order.map((outcome) => tried.find((each) => each.outcome === outcome)).find((each) => each !== undefined)
}

function phrase(whose: Whose): string {
  const phrases = {
    own: 'a row of the own tenant',
    other: 'a row of another tenant',
    shared: 'a row of no tenant',
    any: 'a row',
  }
  return phrases[whose]
}
