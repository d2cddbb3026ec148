/**
 * RLS019: a policy fails instead of denying when the claims are missing.
 */
import { bodyOf } from '../../access/bodies.ts'
import type { Routine } from '../../access/catalog/catalog.ts'
import { showTrial } from '../analysis/claimless.ts'
import { type Model, type PolicyFacts, reachedBy } from '../analysis/model.ts'
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
      const inside = fragileRoutines(model, policy)
      const where = fragileParts(model, policy)
      if (where.length === 0) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} fails on a missing or empty setting: ${listed(where)}.`,
        evidence: [showPolicy(policy), ...triedOn(model, policy)].join('; '),
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

/** Readings of settings in a policy, and functions that it reaches, which fail on a missing or an empty one. */
export function fragileParts(model: Model, policy: PolicyFacts): string[] {
  return [...bodyOf(treesOf(policy)).fragile, ...new Set(fragileRoutines(model, policy).map(({ sql }) => sql))]
}

function fragileRoutines(model: Model, policy: PolicyFacts): Routine[] {
  return treesOf(policy).flatMap((tree) =>
    [...reachedBy(model, tree).routines].filter((routine) => model.callers.body(routine).fragile.length > 0),
  )
}

function treesOf({ usingTree, checkTree }: PolicyFacts): unknown[] {
  return [usingTree, checkTree].flatMap((each) => (each === undefined ? [] : [each.tree]))
}

function triedOn(model: Model, { command, relation }: PolicyFacts): string[] {
  if (command !== 'select' && command !== 'all') return []
  const failed = model.trials?.byTable.get(relation)?.find(({ error }) => error !== undefined)
  return failed === undefined ? [] : [showTrial(failed)]
}
