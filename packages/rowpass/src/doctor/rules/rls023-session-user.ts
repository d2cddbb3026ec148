/**
 * RLS023: a policy asks who logged in, not who is asking.
 */
import { bodyOf } from '../../access/bodies.ts'
import { reachedBy } from '../analysis/model.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls023: Rule = {
  code: 'RLS023',
  slug: 'session-user',
  level: 'warning',
  title: 'A policy asks for session_user',
  why:
    'session_user is the login of the connection, and stays the same through SET ROLE. In a pool it is one login for ' +
    'everybody. Claims, or current_user, say who is asking.',
  *find(model) {
    for (const policy of model.policies) {
      const trees = [policy.usingTree?.tree, policy.checkTree?.tree]
      const reached = trees.flatMap((tree) => [...reachedBy(model, tree).routines])
      if (!bodyOf(trees).sessionUser && !reached.some((routine) => model.callers.body(routine).sessionUser)) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} asks for session_user.`,
        evidence: showPolicy(policy),
        fix: { person: 'How requests say who is asking is for a person to know.' },
      }
    }
  },
}
