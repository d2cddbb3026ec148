/**
 * RLS031: `(select f() = column)`, which is run for each row.
 */
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { fasterPolicy } from './rls030-bare-call.ts'

export const rls031: Rule = {
  code: 'RLS031',
  slug: 'fake-wrap',
  level: 'warning',
  title: 'A policy wraps the column with the call, so nothing is computed once',
  why:
    '(select f() = column) depends on the row: it is a SubPlan that is run for each row, slower than no select at all, and ' +
    'no index can be used. Only the call belongs inside: column = (select f()).',
  *find(model) {
    for (const policy of model.policies) {
      const links = [policy.usingTree, policy.checkTree].flatMap((expression) => expression?.sublinks ?? [])
      const fake = links.some(
        ({ kind, relations, columns, node }) =>
          kind === 'expression' &&
          relations.length === 0 &&
          columns.length > 0 &&
          model.judge.readsCaller(node.subselect),
      )
      if (!fake) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} runs a sub-select for each row.`,
        evidence: showPolicy(policy),
        ...fasterPolicy(model, policy),
      }
    }
  },
}
