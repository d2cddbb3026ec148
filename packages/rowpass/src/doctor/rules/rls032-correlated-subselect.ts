/**
 * RLS032: a sub-select over a table that depends on the row.
 */
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { fasterPolicy } from './rls030-bare-call.ts'
import { isServedByIndex } from './rls035-missing-index.ts'

export const rls032: Rule = {
  code: 'RLS032',
  slug: 'correlated-subselect',
  level: 'warning',
  title: 'A policy looks into another table for each row',
  why:
    'A sub-select that names a column of the policy\u2019s table is run again for each row. Turned round, it is run once: ' +
    'column = any (array(select … where member = (select f()))), which an index on the column can serve.',
  *find(model) {
    for (const policy of model.policies) {
      const links = [policy.usingTree, policy.checkTree]
        .flatMap((expression) => expression?.sublinks ?? [])
        .filter(({ relations, columns }) => relations.length > 0 && columns.length > 0)
      // Of nested ones the outer one is the fault.
      const outer = links.filter(({ parent }) => parent === undefined || !links.includes(parent))
      if (outer.length === 0 || policy.command === 'insert') continue
      const names = outer.flatMap(({ relations }) => relations.map(({ name }) => name))
      const isServed = isServedByIndex(model, policy)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        ...(isServed && { level: 'info' as const }),
        says: `The ${policyOn(policy)} looks into ${listed([...new Set(names)])} for each row${isServed ? ' that an index gives' : ''}.`,
        evidence: showPolicy(policy),
        ...fasterPolicy(model, policy),
      }
    }
  },
}
