/**
 * Makes reasons of facts: what stands in the way, what hides rows, and what the reader may take for a wall and is none.
 */
import { isTable } from '../access/catalog/catalog.ts'
import { decidingReasons, passedOverReasons } from './deciding.ts'
import type { Reason, ReasonCode, RelationReport, StepReport } from './explanation.ts'
import { failingPolicies, failureReason, problemReasons } from './failing.ts'
import type { Right } from './grants.ts'
import type { Unreached } from './reach.ts'
import type { Facts } from './verdict.ts'
import { grantSql, reason, refusal, some } from './wording.ts'

/** Reasons, in the order in which PostgreSQL would come to them; at least one. */
export function findReasons(facts: Facts): Reason[] {
  const { relations, outcome } = facts
  const missing = [...relations.flatMap(({ rights }) => rights), ...facts.functions].filter(({ held }) => !held)
  const reasons = [
    ...loginReasons(facts),
    ...facts.unreached.map((each) => unreachedReason(each, facts.role)),
    ...missing.map(grantReason),
    ...relations.flatMap(policyReasons),
    ...relations.flatMap((relation) => wallReasons(relation, facts.role)),
    ...relations.flatMap(passedOverReasons),
    ...problemReasons(outcome?.problem, facts, relations.flatMap(failingPolicies)),
  ]
  const explained = reasons.some(({ code }) => !informative.has(code))
  return explained ? reasons : [...reasons, plainReason(facts)]
}

const informative: ReadonlySet<ReasonCode> = new Set(['view_owner', 'rls_bypassed', 'rls_off'])

function loginReasons({ unreachable, role }: Facts): Reason[] {
  if (unreachable === undefined) return []
  const { login, grant, by } = unreachable
  const says = `The login ${login} may not become ${role}: SET ROLE fails, and nothing of what follows is reached.`
  return [refusal('role_unreachable', says, `${grant} – run by ${by}.`)]
}

function unreachedReason({ use, resolution }: Unreached, role: string): Reason {
  const name = use.schema === undefined ? use.name : `${use.schema}.${use.name}`
  if (resolution.kind === 'closed') {
    const { schema } = resolution
    const says = `${name} is in the schema ${schema}, which ${role} may not use. PostgreSQL refuses the schema, or speaks as if there were no such relation.`
    return refusal('schema_closed', says, `grant usage on schema ${schema} to ${role};`)
  }
  const elsewhere = resolution.elsewhere.filter((schema) => schema !== use.schema)
  const where = use.schema === undefined ? ' on the search path' : ''
  const advice = elsewhere.length > 0 ? `There is one of that name in: ${elsewhere.join(', ')}.` : undefined
  return refusal('relation_missing', `There is no relation ${name}${where}.`, advice)
}

function grantReason(right: Right): Reason {
  const { privilege, on, object, columns, role } = right
  const plural = columns.length > 1 ? 'columns' : 'column'
  const what = columns.length > 0 ? `${plural} ${columns.join(', ')} of ${object}` : `${on} ${object}`
  const says = `The role ${role} has no ${privilege} on ${what}. A policy does not stand in for a grant.`
  return refusal('grant_missing', says, grantSql(right))
}

function policyReasons(relation: RelationReport): Reason[] {
  let refused: StepReport['row'] | undefined
  return relation.steps.flatMap((step) => {
    const failures = step.policies.flatMap((policy) => failureReason(relation, policy))
    if (step.failure === 'hides') return [...failures, ...hidingReasons(relation, step)]
    // Once the new row is refused, nothing looks for a row in its way.
    if (refused !== undefined && step.row !== refused) return []
    const reasons = refusingReasons(relation, step)
    const also = refused ? reasons.map((each) => ({ ...each, says: `Also: ${each.says}` })) : reasons
    if (reasons.length > 0) refused = step.row
    return [...failures, ...also]
  })
}

/** Rows that are passed over in silence. */
function hidingReasons(relation: RelationReport, step: StepReport): Reason[] {
  const { name, rows, actor } = relation
  if (rows === undefined || rows.matching === 0) return []
  if (!step.policies.some(({ permissive }) => permissive)) return [noPolicy(relation, step)]
  const advice = step.policies.some(({ parts }) => parts !== undefined) ? compareSides : undefined
  const hidden = step.blame.map(({ policies, rows: failing }) => {
    const count = some(failing, rows.sampled < rows.matching)
    const by = `${policies.join(' and ')}${forCommand(step)}`
    return reason('rows_hidden', `${count} of ${name} ${be(failing)} hidden from ${actor} by ${by}.`, advice)
  })
  return [...hidden, ...decidingReasons(step)]
}

const compareSides =
  'Compare both sides of what is false above: a claim that is missing or wrong, or a row of somebody else.'

/** Rows that end the statement. */
function refusingReasons(relation: RelationReport, step: StepReport): Reason[] {
  const { name, forReturning } = relation
  if (step.tested === 0) return []
  if (!step.policies.some(({ permissive }) => permissive)) {
    return [{ ...noPolicy(relation, step), refuses: step.tested !== undefined }]
  }
  const refused = step.blame.map(({ policies }) => {
    const by = policies.join(' and ')
    const row = `The ${rowWords[step.row]} of ${name}`
    if (step.command === 'select') {
      const because = forReturning ? 'of RETURNING' : `the statement reads columns of ${name}`
      const says = `${row} would not be visible to its writer: the SELECT policy ${by} is false for it. It is asked because ${because}.`
      const advice = `${forReturning ? 'Leave out RETURNING, or let' : 'Let'} the SELECT policy see the row.`
      return refusal('select_policy_refuses', says, advice)
    }
    const kind = step.expression === 'check' ? 'WITH CHECK' : 'USING'
    const says = `${row} is refused by ${by}${forCommand(step)}: ${kind} is not true for it.`
    return refusal('row_refused', says, 'Send values that the policy allows for these claims, or change the policy.')
  })
  return [...refused, ...decidingReasons(step)]
}

function noPolicy({ name, actor }: RelationReport, { command, forOthers }: StepReport): Reason {
  const others = forOthers.length > 0 ? ` (${forOthers.join(', ')} ${be(forOthers.length)} for other roles)` : ''
  const says = `Row-level security is on for ${name}, and no permissive policy for ${command.toUpperCase()} is for ${actor}${others}. Without one nothing is allowed.`
  return reason('no_policy', says, `create policy … on ${name} for ${command} to ${actor} …;`)
}

/** Where policies do not hold, and the reader may think that they do. */
function wallReasons(relation: RelationReport, role: string): Reason[] {
  const { name, rls, via, actor, owner, kind } = relation
  const view = via.at(-1)
  if (kind === 'materialized view' || kind === 'foreign table') {
    return [reason('rls_off', `${name} is a ${kind}: it has no policies, and whoever may read it reads all of it.`)]
  }
  if (!isTable({ kind })) return []
  if (!rls.enabled) {
    const says = `Row-level security is off for ${name}: its policies, if any, are not asked.`
    return [reason('rls_off', says, `alter table ${name} enable row level security;`)]
  }
  const invoker = `alter view ${view} set (security_invoker = true);`
  if (rls.holds) {
    if (view === undefined || actor === role) return []
    const says = `A view runs with the rights of its owner ${actor}: the policies of ${name} are asked for ${actor}.`
    return [reason('view_owner', says, invoker)]
  }
  const says = `The policies of ${name} are not asked: ${holders[rls.because]?.(actor, owner) ?? rls.because}`
  if (view !== undefined) return [reason('view_owner', `${says}, with whose rights the view ${view} runs.`, invoker)]
  const force = `alter table ${name} force row level security;`
  return [
    reason(
      'rls_bypassed',
      `${says}.`,
      rls.because === 'owner' ? force : 'Run requests under a role without this right.',
    ),
  ]
}

const holders: Readonly<Record<string, (actor: string, owner: string) => string>> = {
  superuser: (actor) => `${actor} is a superuser`,
  bypassrls: (actor) => `${actor} has BYPASSRLS`,
  owner: (actor, owner) => `${actor} has the rights of the owner ${owner}, and FORCE is not set`,
}

function plainReason({ outcome, command, relations }: Facts): Reason {
  const problem = outcome?.problem
  if (problem !== undefined) return refusal('error', `PostgreSQL: ${problem.message} (${problem.sqlstate}).`)
  if (outcome?.rows === 0 && command !== 'insert') {
    const empty = relations.some(({ rows }) => rows?.matching === 0)
    const says = empty
      ? 'No such row exists: nothing matches, also without policies.'
      : 'Nothing matches the conditions; no policy hides a row.'
    return reason('no_rows', says)
  }
  return reason('allowed', 'Nothing stands in the way: the grants are there, and no policy hides or refuses a row.')
}

function be(count: number): string {
  return count === 1 ? 'is' : 'are'
}

const rowWords: Readonly<Record<StepReport['row'], string>> = {
  existing: 'row',
  new: 'new row',
  conflicting: 'row in the way',
  updated: 'updated row',
  changed: 'row to update',
  removed: 'row to delete',
}

function forCommand({ command }: StepReport): string {
  return command === 'select' ? '' : ` (${command.toUpperCase()})`
}
