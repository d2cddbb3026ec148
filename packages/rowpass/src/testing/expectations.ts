/**
 * What tests of policies say: rows are visible, rows are hidden, a statement is refused. For any test runner.
 */
import { AssertionError } from 'node:assert'
import { type Refusal, refusalOf } from './refusal.ts'

/** What a statement gave: rows with or without a count, or what drizzle-orm gives for a change. */
type Outcome = readonly unknown[] | { readonly rowCount: number | null }

/** What a refusal has to be. */
export interface ExpectedRefusal {
  /** Whether a privilege is missing, or a policy refuses the row. */
  readonly by?: 'grant' | 'policy'
  /** A policy that must be among those that refused. */
  readonly policy?: string
}

/**
 * Expects that a statement reads or changes rows.
 *
 * @param count exactly how many; default: one at least
 * @throws AssertionError when it does not, or is refused
 * @example
 * await tester.asUser({ sub: 'ada' }, ({ sql }) => expectVisible(sql`select from notes`, 2))
 */
export async function expectVisible(statement: PromiseLike<Outcome>, count?: number): Promise<void> {
  const found = await countOf(statement, 'rows to be visible')
  if (count === undefined ? found > 0 : found === count) return
  const expected = count === undefined ? 'rows' : rowsSay(count)
  fail(`expected ${expected} to be visible, but the statement reached ${rowsSay(found)}`, found, count ?? '> 0')
}

/**
 * Expects that a statement reads or changes no row and is not refused: the rows are not there for this person.
 *
 * @throws AssertionError when it reaches a row, or is refused
 * @example
 * await tester.asUser({ sub: 'bob' }, ({ sql }) => expectHidden(sql`select from notes where owner_id = 'ada'`))
 */
export async function expectHidden(statement: PromiseLike<Outcome>): Promise<void> {
  const found = await countOf(statement, 'rows to be hidden')
  if (found > 0) fail(`expected rows to be hidden, but the statement reached ${rowsSay(found)}`, found, 0)
}

/**
 * Expects that PostgreSQL refuses a statement, for want of a privilege or by a policy.
 *
 * A change of rows that the person does not see is not refused but changes nothing: that is for {@link expectHidden}.
 *
 * @returns why it was refused
 * @throws AssertionError when it runs, fails for another reason, or is refused otherwise than expected
 * @example
 * await tester.run(async (transaction) => {
 *   const { sql } = transaction.asAnonymous()
 *   await expectRefused(sql`insert into notes default values`, { by: 'grant' })
 * })
 */
export async function expectRefused(statement: PromiseLike<Outcome>, expected: ExpectedRefusal = {}): Promise<Refusal> {
  let outcome: Outcome
  try {
    outcome = await statement
  } catch (error) {
    return checkRefusal(error, expected)
  }
  const found = toCount(outcome)
  const hint = found === 0 ? '; rows that are hidden are not refused: expectHidden' : ''
  return fail(`expected a refusal, but the statement ran and reached ${rowsSay(found)}${hint}`, 'ran', 'refused')
}

function checkRefusal(error: unknown, { by, policy }: ExpectedRefusal): Refusal {
  const refusal = refusalOf(error)
  if (refusal === undefined) fail(`expected a refusal, but the statement failed: ${messageOf(error)}`, error, 'refused')
  if (by !== undefined && refusal.by !== by) {
    fail(`expected a refusal by a ${by}, but it was ${sayRefusal(refusal)}`, refusal.by, by)
  }
  if (policy !== undefined && !refusal.policies.includes(policy)) {
    fail(`expected the policy ${policy} to refuse, but it was ${sayRefusal(refusal)}`, refusal.policies, [policy])
  }
  return refusal
}

function sayRefusal({ by, on, policies }: Refusal): string {
  if (by === 'grant') return `a grant: permission denied for ${on}`
  const names = policies.length > 0 ? policies.join(', ') : 'no policy lets anything in'
  return `a policy of ${on}: ${names}`
}

async function countOf(statement: PromiseLike<Outcome>, what: string): Promise<number> {
  try {
    return toCount(await statement)
  } catch (error) {
    const refusal = refusalOf(error)
    const says = refusal === undefined ? `failed: ${messageOf(error)}` : `was refused by ${sayRefusal(refusal)}`
    return fail(`expected ${what}, but the statement ${says}`, error, what)
  }
}

function toCount(outcome: Outcome): number {
  if ('rowCount' in outcome) return outcome.rowCount ?? 0
  return 'count' in outcome && typeof outcome.count === 'number' ? outcome.count : outcome.length
}

function rowsSay(count: number): string {
  return count === 0 ? 'no row' : count === 1 ? '1 row' : `${count} rows`
}

/** drizzle-orm says in its own message only which statement it was. */
function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  return error.cause instanceof Error ? error.cause.message : error.message
}

function fail(message: string, actual: unknown, expected: unknown): never {
  throw new AssertionError({ message, actual, expected, operator: 'rowpass' })
}
