/**
 * RLS030: a policy asks who is asking again for each row.
 */
import type { Call } from '../analysis/expression.ts'
import type { Model, PolicyFacts } from '../analysis/model.ts'
import { rewritePolicy } from '../analysis/rewrite.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Fix, Measurable, Rule } from '../finding.ts'
import { isServedByIndex } from './rls035-missing-index.ts'

export const rls030: Rule = {
  code: 'RLS030',
  slug: 'bare-call',
  level: 'warning',
  title: 'A policy calls a function for each row, though it does not depend on the row',
  why:
    'Inside of (select …) it is called once a statement: PostgreSQL makes an InitPlan of it. Bare, it is called for each ' +
    'row that is read, which costs most where the function parses a token or reads a table. A bare call of ' +
    'current_setting alone is cheap, and only worth knowing.',
  *find(model) {
    for (const policy of model.policies) {
      const calls = bareCalls(model, policy).filter((call) => volatilityOf(model, call) === 'stable')
      if (calls.length === 0) continue
      const own = calls.filter(({ schema }) => schema !== undefined)
      // What reads is planned later.
      const isServed = (policy.command === 'update' || policy.command === 'delete') && isServedByIndex(model, policy)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} calls ${listed(namesOfCalls(calls))} for each row${isServed ? ' where no index is used' : ''}.`,
        evidence: showPolicy(policy),
        level: own.length > 0 && !isServed ? 'warning' : 'info',
        ...fasterPolicy(model, policy),
      }
    }
  },
}

/** Calls outside of sub-selects, or inside of one that is run for each row, that need no column. */
export function bareCalls(model: Model, policy: PolicyFacts): Call[] {
  return [policy.usingTree, policy.checkTree].flatMap((expression) =>
    (expression?.calls ?? []).filter(
      (call) =>
        call.columns.length === 0 &&
        call.sublink === undefined &&
        volatilityOf(model, call) !== 'immutable' &&
        (call.schema !== undefined || model.judge.readsCaller({ FuncCall: call.node })),
    ),
  )
}

/** The most that a call of this name may be. */
export function volatilityOf({ callers, systemFunction }: Model, call: Call): 'immutable' | 'stable' | 'volatile' {
  const routines = callers.resolve({ ...call, argumentCount: call.args.length })
  const found = routines.map(({ volatility }) => volatility)
  if (found.length === 0) found.push(systemFunction(call.name)?.volatility ?? 'volatile')
  return found.includes('volatile') ? 'volatile' : found.includes('stable') ? 'stable' : 'immutable'
}

/** `auth.uid()`, each once. */
export function namesOfCalls(calls: readonly Call[]): string[] {
  return [...new Set(calls.map(({ schema, name }) => `${schema === undefined ? '' : `${schema}.`}${name}()`))]
}

/** The fix of a slow policy, which may heal several faults at once, and what to measure. */
export function fasterPolicy(model: Model, policy: PolicyFacts): { fix: Fix; measure?: Measurable } {
  const better = rewritePolicy(model, policy)
  if (better === undefined) return { fix: { person: 'The expression has a form that is not rewritten by itself.' } }
  const fix = { sql: [better.sql] }
  if (better.using === undefined || policy.using === undefined) return { fix }
  return { fix, measure: { relation: policy.relation, before: policy.using, after: better.using } }
}
