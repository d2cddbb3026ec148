/**
 * RLS052: a SECURITY DEFINER function that reads protected tables for whoever calls it.
 */
import type { Routine } from '../../access/catalog/catalog.ts'
import { walk } from '../../access/tree.ts'
import type { Model } from '../analysis/model.ts'
import { isUnheld, tablesOfRoutine } from '../analysis/reading.ts'
import { isCounting } from '../analysis/sinks.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { callersOf, definers } from './rls050-unpinned-search-path.ts'

export const rls052: Rule = {
  code: 'RLS052',
  slug: 'definer-ignores-caller',
  level: 'warning',
  title: 'A SECURITY DEFINER function uses protected tables and does not look at who is asking',
  why:
    'It works with the rights of its owner, for whom policies do not hold, and gives the same to everybody. Let it compare ' +
    'with the claims, make it SECURITY INVOKER, or take EXECUTE from the roles of requests. One that changes or deletes rows of ' +
    'the caller’s choice is an error, unless a password or a code is asked for first.',
  *find(model) {
    for (const [routine, roles] of definers(model)) {
      if (routine.returns === 'trigger' || model.callers.readsCaller(routine)) continue
      const past = tablesOfRoutine(model, routine).filter(({ table, as, writes }) =>
        (writes.length === 0 ? (['select'] as const) : writes).some(
          (command) => as !== undefined && isUnheld(model, as, table, command),
        ),
      )
      if (past.length === 0) continue
      const harmed = past.filter(({ writes }) => writes.includes('update') || writes.includes('delete'))
      const isHarmful = harmed.length > 0 && isAnybodysChoice(model, routine) && !asksForSecret(model, routine)
      const names = listed([...new Set((isHarmful ? harmed : past).map(({ table }) => table.sql))])
      yield {
        object: routine.sql,
        says: `${routine.sql} ${isHarmful ? 'changes or deletes rows of' : 'uses'} ${names} for ${callersOf(roles)} past policies.`,
        evidence: `pg_proc.prosecdef of ${routine.sql} is true; its body reads no claim`,
        level: isHarmful ? 'error' : 'warning',
        fix: { person: 'What everybody may do through it is for a person to say.' },
      }
    }
  },
}

/** Whether it deletes or changes what arguments choose, or everything: more than to count, or to clear what has expired. */
function isAnybodysChoice(model: Model, routine: Routine): boolean {
  return [...model.callers.reached(routine).routines].some((each) =>
    walk(model.callers.parsed(each)?.trees ?? []).some(([type, node]) => {
      if (type === 'TruncateStmt') return true
      if (type === 'UpdateStmt' && isCounting(node)) return false
      if (type !== 'UpdateStmt' && type !== 'DeleteStmt' && type !== 'MergeStmt') return false
      return node.whereClause === undefined || routine.inputs.length > 0
    }),
  )
}

const secret = /pass(word|wd|phrase)|secret|token|otp|nonce|hash|salt|digest|(^|_)(code|pin|key)$/i

/** Whether the caller has to give something that only the right person knows. */
function asksForSecret(model: Model, routine: Routine): boolean {
  const checks = [...model.callers.reached(routine).routines].flatMap((each) => model.callers.body(each).calls)
  return (
    routine.inputs.some(({ name }) => secret.test(name)) ||
    checks.some(({ name }) => /^(crypt|digest|hmac)$/.test(name))
  )
}
