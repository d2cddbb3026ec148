/**
 * RLS041: a policy looks into a table that has policies itself.
 */
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls041: Rule = {
  code: 'RLS041',
  slug: 'hidden-filter',
  level: 'info',
  title: 'A policy depends on the policies of another table',
  why:
    'The sub-select sees only the rows that the caller may see there. A change of those policies changes this one, and a ' +
    'row that is hidden there counts as not being there.',
  *find(model) {
    for (const policy of model.policies) {
      const links = [policy.usingTree, policy.checkTree].flatMap((expression) => expression?.sublinks ?? [])
      const tables = links
        .flatMap(({ relations }) => relations.map((each) => model.relationNamed(each)))
        .flatMap((table) => (table?.rls && table.oid !== policy.relation ? [table.sql] : []))
      if (tables.length === 0) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} sees of ${listed([...new Set(tables)])} what the caller sees.`,
        evidence: showPolicy(policy),
        fix: { person: 'Right where the caller sees their own rows there; a SECURITY DEFINER function sees all.' },
      }
    }
  },
}
