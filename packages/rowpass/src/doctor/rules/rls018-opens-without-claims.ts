/**
 * RLS018: a policy opens when the claims are missing.
 */

import { showTrial } from '../analysis/claimless.ts'
import { openedByMissingClaims } from '../analysis/logic.ts'
import { type Model, type PolicyFacts, writeExpression } from '../analysis/model.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls018: Rule = {
  code: 'RLS018',
  slug: 'opens-without-claims',
  level: 'error',
  title: 'A policy lets rows through when the claims are missing',
  why:
    'Missing claims are NULL. IS DISTINCT FROM, IS NULL, COALESCE and NOT … IS make something true of it, and so does a ' +
    'default claim. Compare by = alone: NULL is never equal, and no claims are no rows.',
  *find(model) {
    for (const policy of model.policies) {
      if (!opensWithoutClaims(model, policy)) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} is not closed to somebody without claims.`,
        evidence: [showPolicy(policy), ...triedOn(model, policy)].join('; '),
        fix: { person: 'What the condition was meant to allow is for a person to say.' },
      }
    }
  },
}

/** Whether it lets rows through by its form alone; what it does on the rows that are there is RLS021's. */
export function opensWithoutClaims(model: Model, policy: PolicyFacts): boolean {
  if (!policy.permissive) return false
  const expression = policy.command === 'insert' ? writeExpression(policy) : policy.usingTree
  return expression !== undefined && openedByMissingClaims(expression.tree, model.judge).length > 0
}

function triedOn(model: Model, { command, relation }: PolicyFacts): string[] {
  if (command !== 'select' && command !== 'all') return []
  const seen = model.trials?.byTable.get(relation)?.find(({ error }) => error === undefined)
  return seen === undefined ? [] : [showTrial(seen)]
}
