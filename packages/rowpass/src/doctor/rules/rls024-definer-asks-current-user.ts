/**
 * RLS024: a SECURITY DEFINER function of a policy asks for current_user, and gets its own owner.
 */
import { reachedBy } from '../analysis/model.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls024: Rule = {
  code: 'RLS024',
  slug: 'definer-asks-current-user',
  level: 'error',
  title: 'A SECURITY DEFINER function asks for current_user',
  why:
    'Inside of it, current_user is the owner of the function, for every caller. A policy that depends on it lets everybody ' +
    'through, or nobody.',
  *find(model) {
    for (const policy of model.policies) {
      const trees = [policy.usingTree?.tree, policy.checkTree?.tree]
      const routine = trees
        .flatMap((tree) => [...reachedBy(model, tree).routines])
        .find((each) => each.securityDefiner && model.callers.body(each).currentUser)
      if (routine === undefined) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} calls ${routine.sql}, where current_user is always ${model.role(routine.owner)}.`,
        evidence: showPolicy(policy),
        fix: { sql: [`alter function ${routine.sql} security invoker`] },
      }
    }
  },
}
