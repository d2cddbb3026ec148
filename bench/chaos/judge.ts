/**
 * Judges answers and counts them: right, refused as expected, disturbed, aborted, or a violation.
 */
import type { Prepared, Result } from './actions.ts'
import type { Answer } from './client.ts'

/** Counts of one run. */
export interface Tally {
  /** Answers by kind of action and outcome: `ok`, `aborted`, or a SQLSTATE. */
  readonly outcomes: Map<string, Map<string, number>>
  readonly violations: string[]
  violationCount: number
  slowestMs: number
}

/** What a request may meet through no fault of the gateway's. */
export interface Excuses {
  /** The token's key is new, and the key set was down. */
  readonly mayBeUntrusted?: boolean
  /** The gateway's process was killed. */
  readonly mayBeLost?: boolean
}

/**
 * SQLSTATEs that a disturbance may cause: no connection, one that broke under a write, too many, cancelled, the
 * server's shutdown, no room on its disk, locks.
 */
const disturbed: ReadonlySet<string> = new Set([
  ...['08006', '08007', '53300', '57014', '57P01', '57P02', '57P03', '53100'],
  ...['40001', '40P01', '55P03'],
])
const keptViolations = 20

/** Makes an empty tally. */
export function createTally(): Tally {
  return { outcomes: new Map(), violations: [], violationCount: 0, slowestMs: 0 }
}

/** Whether an outcome says that something around is broken. */
export function isDisturbed(outcome: string): boolean {
  return disturbed.has(outcome) || outcome === lost
}

const lost = 'lost with its process'

/** @returns the outcome */
export function judge(tally: Tally, kind: string, prepared: Prepared, answer: Answer, excuses: Excuses): string {
  const { outcome, violation } = assess(prepared, answer, excuses)
  const counts = tally.outcomes.get(kind) ?? new Map<string, number>()
  counts.set(outcome, (counts.get(outcome) ?? 0) + 1)
  tally.outcomes.set(kind, counts)
  if (answer.kind === 'answered') tally.slowestMs = Math.max(tally.slowestMs, answer.tookMs)
  if (violation !== undefined) addViolation(tally, `${kind}: ${violation}`)
  return outcome
}

/** Counts a violation, and keeps the first ones in words. */
export function addViolation(tally: Tally, violation: string): void {
  tally.violationCount += 1
  if (tally.violations.length < keptViolations) tally.violations.push(violation)
}

function assess(
  { refusal, check }: Prepared,
  answer: Answer,
  { mayBeUntrusted = false, mayBeLost = false }: Excuses,
): { outcome: string; violation?: string } {
  if (answer.kind === 'aborted') return { outcome: 'aborted' }
  if (answer.kind === 'lost' && mayBeLost) return { outcome: lost }
  if (answer.kind === 'lost') return { outcome: 'lost', violation: `no answer: ${answer.reason}` }
  const { status, body } = answer
  if (status === 200) {
    if (refusal !== undefined) return { outcome: 'ok', violation: `was not refused: ${JSON.stringify(body)}` }
    const violation = check?.(toResults(body))
    return violation === undefined ? { outcome: 'ok' } : { outcome: 'wrong', violation }
  }
  const code = String((body as { code?: unknown }).code)
  const expected = refusal?.includes(code) || disturbed.has(code) || (mayBeUntrusted && code === '28000')
  if (status === 400 && expected) return { outcome: code }
  return { outcome: code, violation: `HTTP ${status} ${JSON.stringify(body).slice(0, 300)}` }
}

function toResults(body: unknown): Result[] {
  const { results } = body as { results?: Result[] }
  return results ?? [body as Result]
}
