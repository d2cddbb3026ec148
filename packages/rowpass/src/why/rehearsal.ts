/**
 * Finds out which rows a statement would meet and write, and tries every policy on them.
 */
import pg from 'pg'
import type { Access } from './access.ts'
import { conditionsFor } from './conditions.ts'
import { type Change, copyName, copyRows, writtenRows } from './copy.ts'
import { type RowsReport, type StepReport, safeText } from './explanation.ts'
import { type Rows, readRows, sampleSize, unforce } from './rows.ts'
import type { RowKind, Step } from './rules.ts'
import { isProblem, rolledBack, type Setting, toProblem } from './session.ts'
import { bareInsert, retarget } from './text.ts'
import type { Statement } from './usage.ts'
import { type Tools, tryStep, untriedStep } from './values.ts'

/** What was found for one access. */
export interface Rehearsal {
  readonly steps: readonly StepReport[]
  readonly rows: RowsReport | undefined
  readonly rowsProblem?: string
  /** Rows of the sample that pass everything that hides; undefined where it cannot be told. */
  readonly visible: number | undefined
  /** Whether `visible` is what the statement itself would meet: its conditions, all rows in the sample. */
  readonly exact: boolean
}

/** What a rehearsal needs. */
export interface Stage extends Tools {
  readonly setting: Setting
  readonly statement: Statement
  /** Without parameters. */
  readonly sql: string
  /** Whether values of hidden rows may be shown. */
  readonly reveal: boolean
}

const writes = new Set(['insert', 'update', 'merge', 'conflict_update'])

/** The steps of an access without rows to try them on. */
export function unrehearsed(access: Access): Rehearsal {
  const steps = access.steps.map((step) => untriedStep(access, step))
  return { steps, rows: undefined, visible: undefined, exact: false }
}

/** Rehearses one access. Nothing of it is kept in the database. */
export async function rehearse(stage: Stage, access: Access): Promise<Rehearsal> {
  const { client, setting, statement, sql, parser } = stage
  const { steps } = access
  const untried = unrehearsed(access)
  const needsRows = steps.some(({ row }) => row === 'existing')
  const conditions = conditionsFor(statement, sql, access, parser)
  const rows = needsRows ? await readRows(client, setting, access, conditions.sql) : undefined
  if (rows !== undefined && 'reason' in rows) return { ...untried, rows: undefined, rowsProblem: rows.reason }
  const report = rows && toReport(rows)
  try {
    const tried = await tryAll(stage, access, rows)
    const exact = conditions.exact && rows?.filtered === true && rows.total <= sampleSize
    return { ...tried, rows: report, exact }
  } catch (error) {
    return { ...untried, rows: report, rowsProblem: safeText(toProblem(error)) }
  }
}

function toReport({ total, seen, sample, filtered }: Rows): RowsReport {
  return { matching: total, seen, sampled: sample.length, filtered }
}

async function tryAll(
  stage: Stage,
  access: Access,
  rows: Rows | undefined,
): Promise<{ steps: readonly StepReport[]; visible: number | undefined }> {
  const existing = rows?.sample ?? []
  const found = await tryOn(stage, access, existing, ['existing'])
  const hidden = access.steps.filter(({ failure, row }) => failure === 'hides' && row === 'existing')
  const visible = intersect(hidden.map((step) => found.get(step)?.passing))
  const passing = hidden.length === 0 ? existing : visible && existing.filter((_, index) => visible.has(index))
  const more = await tryWritten(stage, access, passing)
  const reports = access.steps.map((step) => found.get(step)?.report ?? more.get(step) ?? untriedStep(access, step))
  return { steps: reports, visible: rows === undefined ? undefined : visible?.size }
}

type Tried = Awaited<ReturnType<typeof tryStep>>

/** Tries the steps for some kinds of row on the same rows, in a transaction of their own. */
async function tryOn(
  stage: Stage,
  access: Access,
  rows: readonly string[],
  kinds: readonly RowKind[],
): Promise<Map<Step, Tried>> {
  const { client, setting, role, reveal } = stage
  const steps = access.steps.filter(({ row }) => kinds.includes(row))
  const tried = new Map<Step, Tried>()
  if (steps.length === 0) return tried
  await rolledBack(client, setting, 'stage', async () => {
    const copy = await copyRows(client, access.relation, rows, role)
    let shown = new Set<number>()
    // What the identity writes itself is no secret to it; of what is there, it may see what SELECT lets it see.
    const own = kinds.includes('new') && access.actions.has('insert')
    const mayShow = (row: number) => reveal || own || (access.relation.select && shown.has(row))
    for (const step of steps.toSorted((a, b) => Number(isSelect(b)) - Number(isSelect(a)))) {
      const result = await tryStep(stage, access, step, { copy, count: rows.length, mayShow })
      if (isSelect(step)) shown = new Set(result.passing ?? [])
      tried.set(step, result)
    }
  })
  return tried
}

function isSelect({ command }: Step): boolean {
  return command === 'SELECT'
}

/** Tries the steps for rows that the statement writes, or finds in its way. */
async function tryWritten(
  stage: Stage,
  access: Access,
  visible: readonly string[] | undefined,
): Promise<Map<Step, StepReport>> {
  const reports = new Map<Step, StepReport>()
  const wanted = access.steps.some(({ row }) => row !== 'existing')
  if (!wanted || access.via.length > 0 || ![...access.actions].some((action) => writes.has(action))) return reports
  for (const [kind, rows] of await written(stage, access, visible)) {
    for (const [step, { report }] of await tryOn(stage, access, rows, [kind])) reports.set(step, report)
  }
  return reports
}

/** Rows by kind; a kind whose rows could not be had is left out. */
async function written(
  stage: Stage,
  access: Access,
  visible: readonly string[] | undefined,
): Promise<[RowKind, readonly string[]][]> {
  const { statement, sql, parser } = stage
  const target = (text: string) => retarget(text, statement.tree, copyName(access.relation), parser)
  if (!access.actions.has('insert')) {
    const changes = visible === undefined ? undefined : await write(stage, access, visible, target(sql), false)
    return changes === undefined ? [] : kindsOf(changes, access.actions.has('merge'))
  }
  const bare = bareInsert(sql, parser)
  const proposed = bare === undefined ? undefined : await write(stage, access, [], target(bare), false)
  if (proposed === undefined) return []
  const rows: [RowKind, readonly string[]][] = [['new', afterOf(proposed, 'INSERT')]]
  if (!access.actions.has('conflict_update')) return rows
  const conflicting = await findConflicts(stage, access, afterOf(proposed, 'INSERT'))
  if (conflicting === undefined) return rows
  const changes = conflicting.length > 0 ? await write(stage, access, conflicting, target(sql), true) : []
  if (changes === undefined) return [...rows, ['conflicting', conflicting]]
  return [...rows, ['conflicting', beforeOf(changes, 'UPDATE')], ['updated', afterOf(changes, 'UPDATE')]]
}

function kindsOf(changes: readonly Change[], isMerge: boolean): [RowKind, readonly string[]][] {
  if (!isMerge) return [['new', afterOf(changes, 'UPDATE')]]
  return [
    ['new', afterOf(changes, 'INSERT')],
    ['updated', afterOf(changes, 'UPDATE')],
    ['changed', beforeOf(changes, 'UPDATE')],
    ['removed', beforeOf(changes, 'DELETE')],
  ]
}

function afterOf(changes: readonly Change[], operation: Change['operation']): readonly string[] {
  return changes.flatMap((change) => (change.operation === operation ? (change.after ?? []) : []))
}

function beforeOf(changes: readonly Change[], operation: Change['operation']): readonly string[] {
  return changes.flatMap((change) => (change.operation === operation ? (change.before ?? []) : []))
}

async function write(
  { client, setting, role }: Stage,
  { relation }: Access,
  rows: readonly string[],
  sql: string | undefined,
  indexes: boolean,
): Promise<readonly Change[] | undefined> {
  if (sql === undefined) return undefined
  const result = await rolledBack(client, setting, 'stage', () =>
    writtenRows(client, { relation, rows, role, sql, indexes }),
  )
  return isProblem(result) ? undefined : result
}

/** Rows that share the columns of a unique index with a proposed one. */
async function findConflicts(
  { client, setting }: Stage,
  { relation }: Access,
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
