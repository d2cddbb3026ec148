/**
 * Makes reasons of what decides where a policy is to blame, or none is: policies of other tables, types of JSON, triggers.
 */
import type { InnerReport, PartReport, Reason, RelationReport, SideReport, StepReport } from './explanation.ts'
import { reason, some } from './wording.ts'

/** What decides inside of the policies that are to blame. */
export function decidingReasons({ policies, blame }: StepReport): Reason[] {
  const blamed = policies.filter(({ name }) => blame.some((each) => each.policies.includes(name)))
  return blamed.flatMap((policy) => [
    ...(policy.inner ?? []).map((inner) => innerReason(policy.name, inner)),
    ...(policy.parts === undefined ? [] : jsonReasons(policy.name, policy.parts)),
  ])
}

function innerReason(policy: string, { name, actor, through, policies, rows }: InnerReport): Reason {
  const reader = through === undefined ? policy : `${through}, for ${policy},`
  const hides =
    policies.length === 0
      ? `no permissive policy of it for SELECT is for ${actor}, so that it is empty`
      : `${policies.join(' and ')} ${policies.length === 1 ? 'decides' : 'decide'} what of it ${actor} is shown`
  const proof =
    rows === undefined
      ? 'What would be without them could not be tried.'
      : `Without them ${policy} would let ${some(rows)} pass.`
  const says = `${reader} reads ${name} under the policies of that table: ${hides}. ${proof}`
  const advice = `Let a policy of ${name} show ${actor} the rows that count, or let a SECURITY DEFINER function with a pinned search_path read them.`
  return reason('inner_policy', says, advice)
}

/** Comparisons of JSON that are never true, as a number equals no string. */
function jsonReasons(policy: string, part: PartReport): Reason[] {
  const { left, right } = part.comparison ?? {}
  const below = (part.parts ?? []).flatMap((each) => jsonReasons(policy, each))
  if (left?.json === undefined || right?.json === undefined || left.json === right.json) return below
  const side = ({ text, json, value }: SideReport) =>
    `${text} is a JSON ${json}${value === undefined || value === null ? '' : ` (${value})`}`
  const says = `In ${policy}, ${side(left)} and ${side(right)}: JSON values of two types are never equal.`
  const advice = 'Compare as text (->> in place of ->), or send the claim as the other type.'
  return [...below, reason('json_types', says, advice)]
}

/** Rows that triggers take out of the change. */
export function passedOverReasons({ name, suppressed }: RelationReport): Reason[] {
  return suppressed.map(({ table = name, trigger, function: routine, timing, command, rows }) => {
    const when = `${timing.toUpperCase()} ${command.toUpperCase()}`
    const gives = timing === 'instead of' ? 'changes nothing, or gives NULL,' : 'gives NULL'
    const says = `The trigger ${trigger} of ${table} (${when}, ${routine}()) ${gives} for ${some(rows)}: PostgreSQL passes ${rows === 1 ? 'it' : 'them'} over, without an error. That is no policy.`
    const advice =
      command === 'delete'
        ? `Let ${routine} return OLD where the row may go; in a trigger for DELETE, NEW is NULL.`
        : `Let ${routine} return NEW where the row may be written.`
    return reason('trigger_passes_over', says, advice)
  })
}
