/**
 * RLS019: a policy fails instead of denying when the claims are missing.
 */
import { bodyOf } from '../analysis/bodies.ts'
import { reachedBy } from '../analysis/model.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { fasterPolicy } from './rls030-bare-call.ts'

export const rls019: Rule = {
  code: 'RLS019',
  slug: 'fails-without-claims',
  level: 'warning',
  title: 'A policy raises an error when the claims are missing',
  why:
    'current_setting(name) fails where the setting was never made, and after the transaction that made it a setting is an ' +
    'empty text, which is no uuid, number or JSON. In a pool the next request gets that error, or gets it now and then. ' +
    "nullif(current_setting(name, true), '') is NULL in both cases.",
  *find(model) {
    for (const policy of model.policies) {
      const trees = [policy.usingTree, policy.checkTree].flatMap((each) => (each === undefined ? [] : [each.tree]))
      const direct = bodyOf(trees).fragile
      const inside = trees.flatMap((tree) =>
        [...reachedBy(model, tree).routines].filter((routine) => model.callers.body(routine).fragile.length > 0),
      )
      if (direct.length + inside.length === 0) continue
      const where = [...direct, ...new Set(inside.map(({ sql }) => sql))]
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} fails on a missing or empty setting: ${listed(where)}.`,
        evidence: showPolicy(policy),
        ...(inside.length > 0
          ? {
              fix: {
                person: `Change ${listed([...new Set(inside.map(({ sql }) => sql))])} to use nullif(current_setting(name, true), '').`,
              },
            }
          : { fix: fasterPolicy(model, policy).fix }),
      }
    }
  },
}
