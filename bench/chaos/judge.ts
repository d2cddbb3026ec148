/**
 * Judges answers and counts them: right, refused as expected, disturbed, aborted, or a violation. Keeps counts alone.
 */
import type { Prepared, Result } from './actions.ts'
import type { Answer } from './client.ts'

/** What no disturbance excuses. */
export const violationKinds = [
  'rows of somebody else',
  'requests without an answer',
  'acknowledged writes lost',
  'writes done twice',
  'refused writes done',
  'stale reads of own writes',
  'others',
] as const

/** One of them, in words. */
export interface Violation {
  readonly kind: (typeof violationKinds)[number]
  readonly says: string
}

/** Counts of one run. */
export interface Tally {
  /** Answers by kind of action and outcome: `ok`, `aborted`, or a SQLSTATE. */
  readonly outcomes: Map<string, Map<string, number>>
  /** Right answers of each server that is no primary, by kind of action and port. */
  readonly byReplica: Map<string, Map<string, number>>
  /** The first ones. */
  readonly violations: string[]
  readonly violationCounts: Map<Violation['kind'], number>
  violationCount: number
  slowestMs: number
}

/** What a request may meet through no fault of the gateway's. */
export interface Excuses {
  /** The token's key is new, and the key set was down. */
  readonly mayBeUntrusted?: boolean
  /** The gateway's process was killed. */
  readonly mayBeLost?: boolean
  /** Nothing around the gateways goes wrong: each refusal that the request does not deserve is a violation. */
  readonly isCalm?: boolean
}

const outcomeUnknown = '08007'
const [aborted, lost, unanswered, wrong] = ['aborted', 'lost with its process', 'lost', 'wrong']

/**
 * SQLSTATEs that a disturbance may cause: no connection, one that broke under a write, too many, cancelled, the
 * server's shutdown, no room on its disk, locks.
 */
const disturbed: ReadonlySet<string> = new Set([
  ...['08006', outcomeUnknown, '53300', '57014', '57P01', '57P02', '57P03', '53100'],
  ...['40001', '40P01', '55P03'],
])
const keptViolations = 20

/** Makes an empty tally. */
export function createTally(): Tally {
  return {
    outcomes: new Map(),
    byReplica: new Map(),
    violations: [],
    violationCounts: new Map(violationKinds.map((kind) => [kind, 0])),
    violationCount: 0,
    slowestMs: 0,
  }
}

/** Whether an outcome says that something around is broken. */
export function isDisturbed(outcome: string): boolean {
  return disturbed.has(outcome) || outcome === lost
}

/** Whether an outcome leaves open whether anything was done. */
export function isUnsure(outcome: string): boolean {
  return [aborted, lost, unanswered, wrong, outcomeUnknown].includes(outcome)
}

/** @returns the outcome */
export function judge(tally: Tally, kind: string, prepared: Prepared, answer: Answer, excuses: Excuses): string {
  const { outcome, violation, replica } = assess(prepared, answer, excuses)
  count(tally.outcomes, kind, outcome)
  if (replica !== undefined) count(tally.byReplica, kind, replica)
  if (answer.kind === 'answered') tally.slowestMs = Math.max(tally.slowestMs, answer.tookMs)
  if (violation !== undefined) addViolation(tally, { ...violation, says: `${kind}: ${violation.says}` })
  return outcome
}

function count(counts: Map<string, Map<string, number>>, kind: string, what: string): void {
  const ofKind = counts.get(kind) ?? new Map<string, number>()
  ofKind.set(what, (ofKind.get(what) ?? 0) + 1)
  counts.set(kind, ofKind)
}

/** Counts a violation, and keeps the first ones in words. */
export function addViolation(tally: Tally, { kind, says }: Violation): void {
  tally.violationCount += 1
  tally.violationCounts.set(kind, (tally.violationCounts.get(kind) ?? 0) + 1)
  if (tally.violations.length < keptViolations) tally.violations.push(says)
}

/** The sum of counts. */
export function toTotal(counts: Iterable<ReadonlyMap<string, number>>): number {
  let total = 0
  for (const each of counts) for (const times of each.values()) total += times
  return total
}

interface Assessment {
  readonly outcome: string
  readonly violation?: Violation
  /** Port of the replica that says that it has answered. */
  readonly replica?: string
}

function assess(
  { refusal, check }: Prepared,
  answer: Answer,
  { mayBeUntrusted = false, mayBeLost = false, isCalm = false }: Excuses,
): Assessment {
  if (answer.kind === 'aborted') return { outcome: aborted }
  if (answer.kind === 'lost' && mayBeLost) return { outcome: lost }
  if (answer.kind === 'lost') {
    return { outcome: unanswered, violation: { kind: 'requests without an answer', says: answer.reason } }
  }
  const { status, body } = answer
  if (status === 200) {
    const results = toResults(body)
    const replica = results[0]?.rows[0]?.replica ?? undefined
    const served = replica === undefined ? {} : { replica }
    if (refusal !== undefined) return { outcome: wrong, violation: other(`was not refused: ${JSON.stringify(body)}`) }
    const violation = check?.(results)
    return violation === undefined ? { outcome: 'ok', ...served } : { outcome: wrong, violation, ...served }
  }
  const code = String((body as { code?: unknown }).code)
  const excused = (disturbed.has(code) && !isCalm) || (mayBeUntrusted && code === '28000')
  if (status === 400 && (excused || refusal?.includes(code))) return { outcome: code }
  return { outcome: code, violation: other(`HTTP ${status} ${JSON.stringify(body).slice(0, 300)}`) }
}

/** One that has no count of its own. */
export function other(says: string): Violation {
  return { kind: 'others', says }
}

function toResults(body: unknown): Result[] {
  const { results } = body as { results?: Result[] }
  return results ?? [body as Result]
}
