/**
 * Finds out which rows a statement would meet and write, and tries every policy on them.
 */
import pg from 'pg'
import type { RowKind, Step } from '../access/policies.ts'
import { isProblem, toProblem } from '../access/trial.ts'
import { conditionsFor } from './conditions.ts'
import { copyName, copyRows, type RowChange, writtenRows } from './copy.ts'
import { lastingOf } from './effects.ts'
import { type RowsReport, type StepReport, type Suppression, safeText } from './explanation.ts'
import type { Reached } from './reach.ts'
import { type MetRows, readRows, sampleSize, unforce } from './rows.ts'
import { rolledBack } from './session.ts'
import { findSuppressions, mayPassOver } from './suppression.ts'
import { bareInsert, retarget } from './text.ts'
import type { TryTools } from './tools.ts'
import { tryStep, untriedStep } from './values.ts'

/** What was found for one reached. */
export interface TriedPolicies {
  readonly steps: readonly StepReport[]
  readonly rows: RowsReport | undefined
  readonly rowsProblem?: string
  /** Rows of the sample that pass everything that hides; undefined where it cannot be told. */
  readonly visible: number | undefined
  /** Whether `visible` is what the statement itself would meet: its conditions, all rows in the sample. */
  readonly exact: boolean
  /** Triggers that take rows out of the change. */
  readonly suppressed: readonly Suppression[]
}

const writes = new Set(['insert', 'update', 'merge', 'conflict_update'])

/** The steps of an reached without rows to try them on. */
export function untriedPolicies(reached: Reached): TriedPolicies {
  const steps = reached.steps.map((step) => untriedStep(reached, step))
  return { steps, rows: undefined, visible: undefined, exact: false, suppressed: [] }
}

/** Tries one that is reached. Nothing of it is kept in the database. */
export async function tryPolicies(tools: TryTools, reached: Reached): Promise<TriedPolicies> {
  const { client, setting, statement, sql, parser } = tools
  const { steps } = reached
  const untried = untriedPolicies(reached)
  const needsRows =
    steps.some(({ row }) => row === 'existing') || (mayPassOver(reached) && !reached.actions.has('insert'))
  const conditions = conditionsFor(statement, sql, reached, parser)
  const rows = needsRows ? await readRows(client, setting, reached, conditions.sql) : undefined
  if (rows !== undefined && 'reason' in rows) return { ...untried, rows: undefined, rowsProblem: rows.reason }
  const report = rows && toReport(rows)
  try {
    const tried = await tryAll(tools, reached, rows)
    const exact = conditions.exact && rows?.filtered === true && rows.total <= sampleSize
    return { ...tried, rows: report, exact }
  } catch (error) {
    return { ...untried, rows: report, rowsProblem: safeText(toProblem(error)) }
  }
}

function toReport({ total, seen, sample, filtered }: MetRows): RowsReport {
  return { matching: total, seen, sampled: sample.length, filtered }
}

async function tryAll(
  tools: TryTools,
  reached: Reached,
  rows: MetRows | undefined,
): Promise<Pick<TriedPolicies, 'steps' | 'visible' | 'suppressed'>> {
  const existing = rows?.sample ?? []
  const found = await tryOn(tools, reached, existing, ['existing'])
  const hidden = reached.steps.filter(({ failure, row }) => failure === 'hides' && row === 'existing')
  const visible = intersect(hidden.map((step) => found.get(step)?.passing))
  const passing = hidden.length === 0 ? existing : visible && existing.filter((_, index) => visible.has(index))
  const more = await tryWritten(tools, reached, passing)
  const reports = reached.steps.map((step) => found.get(step)?.report ?? more.get(step) ?? untriedStep(reached, step))
  const suppressed = reached.via.length > 0 ? [] : await findSuppressions(tools, reached, passing ?? [])
  return { steps: reports, visible: rows === undefined ? undefined : passing?.length, suppressed }
}

type Tried = Awaited<ReturnType<typeof tryStep>>

/** Tries the steps for some kinds of row on the same rows, in a transaction of their own. */
async function tryOn(
  tools: TryTools,
  reached: Reached,
  rows: readonly string[],
  kinds: readonly RowKind[],
): Promise<Map<Step, Tried>> {
  const { client, setting, role, reveal } = tools
  const steps = reached.steps.filter(({ row }) => kinds.includes(row))
  const tried = new Map<Step, Tried>()
  if (steps.length === 0) return tried
  await rolledBack(client, setting, 'turns', async () => {
    const copy = await copyRows(client, reached.relation, rows, role)
    let shown = new Set<number>()
    const mayRead = reached.database.access.onTable(reached.actor, 'select', reached.relation)
    // What the identity writes itself is no secret to it; of what is there, it may see what SELECT lets it see.
    const own = kinds.includes('new') && reached.actions.has('insert')
    const mayShow = (row: number) => reveal || own || (mayRead && shown.has(row))
    for (const step of steps.toSorted((a, b) => Number(isSelect(b)) - Number(isSelect(a)))) {
      const result = await tryStep(tools, reached, step, { copy, count: rows.length, mayShow })
      if (isSelect(step)) shown = new Set(result.passing ?? [])
      tried.set(step, result)
    }
  })
  return tried
}

function isSelect({ command }: Step): boolean {
  return command === 'select'
}

/** Tries the steps for rows that the statement writes, or finds in its way. */
async function tryWritten(
  tools: TryTools,
  reached: Reached,
  visible: readonly string[] | undefined,
): Promise<Map<Step, StepReport>> {
  const reports = new Map<Step, StepReport>()
  const wanted = reached.steps.some(({ row }) => row !== 'existing')
  if (!wanted || reached.via.length > 0 || ![...reached.actions].some((action) => writes.has(action))) return reports
  for (const [kind, rows] of await written(tools, reached, visible)) {
    for (const [step, { report }] of await tryOn(tools, reached, rows, [kind])) reports.set(step, report)
  }
  return reports
}

/** Rows by kind; a kind whose rows could not be had is left out. */
async function written(
  tools: TryTools,
  reached: Reached,
  visible: readonly string[] | undefined,
): Promise<[RowKind, readonly string[]][]> {
  const { statement, sql, parser } = tools
  const target = (text: string) => retarget(text, statement.tree, copyName(reached.relation), parser)
  if (!reached.actions.has('insert')) {
    const changes = visible === undefined ? undefined : await write(tools, reached, visible, target(sql), false)
    return changes === undefined ? [] : kindsOf(changes, reached.actions.has('merge'))
  }
  const bare = bareInsert(sql, parser)
  const proposed = bare === undefined ? undefined : await write(tools, reached, [], target(bare), false)
  if (proposed === undefined) return []
  const rows: [RowKind, readonly string[]][] = [['new', afterOf(proposed, 'insert')]]
  if (!reached.actions.has('conflict_update')) return rows
  const conflicting = await findConflicts(tools, reached, afterOf(proposed, 'insert'))
  if (conflicting === undefined) return rows
  const changes = conflicting.length > 0 ? await write(tools, reached, conflicting, target(sql), true) : []
  if (changes === undefined) return [...rows, ['conflicting', conflicting]]
  return [...rows, ['conflicting', beforeOf(changes, 'update')], ['updated', afterOf(changes, 'update')]]
}

function kindsOf(changes: readonly RowChange[], isMerge: boolean): [RowKind, readonly string[]][] {
  if (!isMerge) return [['new', afterOf(changes, 'update')]]
  return [
    ['new', afterOf(changes, 'insert')],
    ['updated', afterOf(changes, 'update')],
    ['changed', beforeOf(changes, 'update')],
    ['removed', beforeOf(changes, 'delete')],
  ]
}

function afterOf(changes: readonly RowChange[], operation: RowChange['operation']): readonly string[] {
  return changes.flatMap((change) => (change.operation === operation ? (change.after ?? []) : []))
}

function beforeOf(changes: readonly RowChange[], operation: RowChange['operation']): readonly string[] {
  return changes.flatMap((change) => (change.operation === operation ? (change.before ?? []) : []))
}

async function write(
  { client, setting, role }: TryTools,
  reached: Reached,
  rows: readonly string[],
  sql: string | undefined,
  indexes: boolean,
): Promise<readonly RowChange[] | undefined> {
  if (sql === undefined) return undefined
  const { relation } = reached
  const triggers = reached.triggers.filter((trigger) => lastingOf(reached, trigger) === undefined)
  const result = await rolledBack(client, setting, 'turns', () =>
    writtenRows(client, { relation, triggers, rows, role, sql, indexes }),
  )
  return isProblem(result) ? undefined : result
}

/** Rows that share the columns of a unique index with a proposed one. */
async function findConflicts(
  { client, setting }: TryTools,
  { relation }: Reached,
  proposed: readonly string[],
): Promise<readonly string[] | undefined> {
  try {
    return await rolledBack(client, setting, 'self', async () => {
      const { rows: keys } = await client.query<{ columns: string[] }>(uniqueKeysSql, [relation.oid])
      if (keys.length === 0) return []
      await unforce(client, relation)
      const equal = keys.map(({ columns }) =>
        columns.map((name) => `t.${pg.escapeIdentifier(name)} = p.${pg.escapeIdentifier(name)}`).join(' and '),
      )
      const { rows } = await client.query(
        `select (t.*)::text as row from ${relation.sql} t
          where exists (select from (select (unnest($1::text[])::${relation.sql}).*) p where (${equal.join(') or (')}))
          limit ${sampleSize}`,
        [proposed],
      )
      return rows.map(({ row }) => row)
    })
  } catch (error) {
    toProblem(error)
    return undefined
  }
}

const uniqueKeysSql = `
  select (select json_agg(a.attname) from pg_attribute a where a.attrelid = i.indrelid and a.attnum = any(i.indkey::int2[])) as columns
    from pg_index i where i.indrelid = $1::oid and i.indisunique and i.indexprs is null`

function intersect(sets: readonly (ReadonlySet<number> | undefined)[]): ReadonlySet<number> | undefined {
  const [first, ...rest] = sets
  if (sets.some((set) => set === undefined)) return undefined
  return new Set([...(first ?? [])].filter((index) => rest.every((set) => set?.has(index))))
}
