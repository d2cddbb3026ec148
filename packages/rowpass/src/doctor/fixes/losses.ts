/**
 * What is different after a fix, and whether that is what the fix is for.
 */
import type { RuleCode } from '../finding.ts'
import type { WorkOutcome, WorkOutcomes } from './work.ts'

/** Something that went better or worse after a fix. */
export interface WorkChange {
  readonly before: WorkOutcome
  readonly after: WorkOutcome
  readonly kind: 'loses' | 'gains'
}

/** Fixes that take rows of others from requests, and nothing else from anybody. */
const hiding: ReadonlySet<RuleCode> = new Set<RuleCode>(['RLS002', 'RLS006', 'RLS043', 'RLS044', 'RLS068'])
/** Fixes that give roles of requests what they lack. */
const giving: ReadonlySet<RuleCode> = new Set<RuleCode>(['RLS019', 'RLS042', 'RLS069'])

/** The differences, in the order of the work. */
export function compare(before: WorkOutcomes, after: WorkOutcomes): WorkChange[] {
  return [...after].flatMap(([key, now]) => {
    const then = before.get(key)
    const kind = then === undefined ? undefined : judge(then, now)
    return then === undefined || kind === undefined ? [] : [{ before: then, after: now, kind }]
  })
}

function judge(before: WorkOutcome, after: WorkOutcome): WorkChange['kind'] | undefined {
  if (before.level !== undefined && after.level !== undefined) {
    return after.level < before.level ? 'loses' : after.level > before.level ? 'gains' : undefined
  }
  // What took too long tells nothing.
  if ([before, after].some(({ sqlstate }) => sqlstate === '57014' || sqlstate === '55P03')) return undefined
  const [then, now] = [scoreOf(before), scoreOf(after)]
  return now < then ? 'loses' : now > then ? 'gains' : undefined
}

/** -1: it cannot be done. A write that fails at a key, a constraint or a trigger has passed the policies. */
function scoreOf({ rows, sqlstate, command }: WorkOutcome): number {
  if (sqlstate === undefined) return command === 'insert' || command === 'call' ? 0 : (rows ?? 0)
  if (command === 'call') return /^(42|3F)/.test(sqlstate) ? -1 : 0
  return command !== 'select' && /^(23|P0)/.test(sqlstate) ? 0 : -1
}

/**
 * Whether a difference is what the fix is for: requests no longer get past policies, and what policies give them they keep.
 */
export function isMeant(code: RuleCode, difference: WorkChange, after: WorkOutcomes): boolean {
  const { before, after: now, kind } = difference
  if (kind === 'gains') return giving.has(code)
  if (!before.worker.serves) return false
  if (code === 'RLS061') return now.what.startsWith('CREATE on schema')
  if (!hiding.has(code)) return false
  if (code === 'RLS043' && isReachedByParent(now, after)) return true
  if (now.level !== undefined) return now.level === 2
  if (now.command === 'insert') return now.sqlstate === '42501'
  return now.sqlstate === undefined && now.command !== 'call'
}

/** A query of the parent asks for no rights on its children. */
function isReachedByParent({ relation, command, worker }: WorkOutcome, outcomes: WorkOutcomes): boolean {
  return [...outcomes.values()].some(
    (each) =>
      each.relation !== undefined &&
      relation?.parents.includes(each.relation.oid) === true &&
      each.command === command &&
      each.worker.role === worker.role &&
      (each.level ?? 0) >= 2,
  )
}

/** Whether all who saw rows of something see none of it any more: then nothing says that somebody still can. */
export function leavesNobody(differences: readonly WorkChange[]): boolean {
  const seen = differences.filter(({ after, before }) => after.command === 'select' && (before.rows ?? 0) > 0)
  return seen.length > 0 && seen.every(({ after }) => (after.rows ?? 0) === 0)
}

/** `app_owner: SELECT on public.users, 0 of 3 rows`; values are not shown. */
export function describe({ before, after }: WorkChange): string {
  const who = `${after.worker.called}: ${after.what}`
  if (after.rows !== undefined && before.rows !== undefined) return `${who}, ${after.rows} of ${before.rows} rows`
  if (after.sqlstate !== undefined) return `${who} fails (${after.sqlstate})`
  if (after.level === 1) return `${who}, no row`
  return after.level === 2 ? `${who}, rows that no policy shows` : who
}

/** One line for each; what the catalogs say already is not said of a statement again. */
export function describeAll(differences: readonly WorkChange[], describeOne = describe): string[] {
  const isSaid = ({ after }: WorkChange): boolean =>
    after.sqlstate !== undefined &&
    differences.some(
      (each) =>
        each.after.level !== undefined &&
        each.after.worker.role === after.worker.role &&
        each.after.what === after.what,
    )
  return [...new Set(differences.filter((each) => !isSaid(each)).map(describeOne))]
}
