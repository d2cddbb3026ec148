/**
 * Makes reasons of what fails: policies, functions and triggers that end with an error, and errors that are no matter of
 * grants and policies.
 */
import type { SqlProblem } from '../access/trial.ts'
import type { PolicyReport, Reason, RelationReport } from './explanation.ts'
import type { InsideReport } from './inside.ts'
import type { Facts } from './verdict.ts'
import { grantSql, reason, refusal } from './wording.ts'

/** Of a policy that fails; none of one that does not. */
export function failureReason({ name, actor }: RelationReport, policy: PolicyReport): Reason[] {
  const { problem, name: called, closedFunctions, inside, claim, reads } = policy
  if (problem === undefined) return []
  if (problem.includes('(42P17)')) {
    const says = `The policy ${called} of ${name} asks a table whose policies ask this one again: infinite recursion.`
    const advice = 'Let it ask a SECURITY DEFINER function with a pinned search_path that reads past the policies.'
    return [refusal('policy_recursion', says, advice)]
  }
  if (claim !== undefined) {
    const says = `The policy ${called} of ${name} fails: the claim ${claim.claim} is ${claim.value}, which is no ${claim.type}, and it is cast to that: ${problem}.`
    const advice = 'Send a claim that can be cast, or compare it as text.'
    return [reason('claim_unfit', says, advice)]
  }
  const [closed] = closedFunctions
  const unread = problem.includes('(42501)') ? reads.find(({ readable }) => !readable)?.name : undefined
  const advice =
    closed !== undefined
      ? `grant execute on function ${closed} to ${actor};`
      : unread !== undefined && inside === undefined
        ? `grant select on ${unread} to ${actor};`
        : grantsOf(inside)
  return [reason('policy_fails', `The policy ${called} of ${name} fails: ${problem}${whereInside(inside)}.`, advice)]
}

/** The policies of a relation that fail. */
export function failingPolicies({ steps }: RelationReport): readonly PolicyReport[] {
  return steps.flatMap(({ policies }) => policies.filter(({ problem }) => problem !== undefined))
}

/** `, inside app.may_see(text), which runs as app_owner …`; empty where it is in no function. */
function whereInside(inside: InsideReport | undefined): string {
  if (inside === undefined) return ''
  const { function: name, actor, definer, missing } = inside
  const because =
    definer === undefined ? '' : definer === name ? ' (SECURITY DEFINER)' : ` (SECURITY DEFINER of ${definer})`
  const lacks = missing.map(({ privilege, on, object }) => `${privilege} on ${on} ${object}`)
  const without = lacks.length === 0 ? '' : ` and has no ${lacks.join(', no ')}`
  return `, inside ${name}, which runs as ${actor}${because}${without}`
}

function grantsOf(inside: InsideReport | undefined): string | undefined {
  const grants = (inside?.missing ?? []).map(grantSql)
  return grants.length === 0 ? undefined : grants.join(' ')
}

/** Errors that are no matter of grants and policies. */
export function problemReasons(
  problem: SqlProblem | undefined,
  { inside }: Pick<Facts, 'inside'>,
  failing: readonly PolicyReport[],
): Reason[] {
  if (problem === undefined) return []
  const { sqlstate, message, constraint, table } = problem
  if (failing.some((each) => each.claim !== undefined && each.problem?.includes(`(${sqlstate})`))) return []
  const [trigger] = inside?.triggers ?? []
  if (inside !== undefined && trigger !== undefined) {
    const says = `The trigger ${inside.triggers.join(' or ')} fails: ${message} (${sqlstate})${whereInside(inside)}.`
    return [refusal('trigger_fails', says, grantsOf(inside) ?? `See what ${inside.function} asks of the row.`)]
  }
  if (inside !== undefined && failing.length === 0) {
    const says = `A function fails: ${message} (${sqlstate})${whereInside(inside)}.`
    return [refusal('function_fails', says, grantsOf(inside))]
  }
  if (elsewhere.has(sqlstate)) return []
  const kind = constraintKinds[sqlstate]
  if (kind !== undefined) {
    const where = constraint === undefined ? '' : ` ${constraint}${table === undefined ? '' : ` of ${table}`}`
    const advice = 'Constraints see all rows, also those that policies hide.'
    return [refusal('constraint', `No policy: the ${kind} constraint${where} is violated.`, advice)]
  }
  if (sqlstate === '57014') {
    return [refusal('timeout', 'The statement took too long and was cancelled.', 'Give it more time with --timeout.')]
  }
  return [refusal('error', `PostgreSQL: ${message} (${sqlstate}).`)]
}

/** Told of by other reasons: privileges and policies, names, recursion. */
const elsewhere = new Set(['42501', '42P01', '3F000', '42P17'])

const constraintKinds: Readonly<Record<string, string>> = {
  '23001': 'foreign key',
  '23502': 'not-null',
  '23503': 'foreign key',
  '23505': 'unique',
  '23514': 'check',
  '23P01': 'exclusion',
  '44000': 'view check option',
}
