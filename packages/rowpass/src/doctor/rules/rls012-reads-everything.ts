/**
 * RLS012: a policy that shows every row.
 */
import { isAlwaysTrue } from '../analysis/logic.ts'
import { tenantNames } from '../analysis/tenants.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { openers } from './rls013-or-opens.ts'

export const rls012: Rule = {
  code: 'RLS012',
  slug: 'reads-everything',
  level: 'info',
  title: 'A policy shows every row',
  why: 'Right for what everybody may read, such as a list of countries. Otherwise it is a policy that was never finished.',
  *find(model) {
    const opening = new Set(openers(model))
    for (const policy of model.policies) {
      const { command, permissive, usingTree, table } = policy
      if (command !== 'select' || !permissive || usingTree === undefined || opening.has(policy)) continue
      if (!model.access.concerns(policy.roles)) continue
      if (!isAlwaysTrue(usingTree.tree, table)) continue
      const tenants = tenantNames(model, policy)
      yield {
        object: table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} shows every row.`,
        evidence: showPolicy(policy),
        // Of a table with the column by which others keep tenants apart, everybody's rows are no list for everybody.
        ...(table.columns.some(({ name }) => tenants.has(name)) && { level: 'warning' as const }),
        fix: { person: 'Accept the finding if the rows are for everybody.' },
      }
    }
  },
}
