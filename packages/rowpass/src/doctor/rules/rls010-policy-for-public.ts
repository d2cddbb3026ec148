/**
 * RLS010: a policy without TO.
 */
import { everyone } from '../../access/access.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls010: Rule = {
  code: 'RLS010',
  slug: 'policy-for-public',
  level: 'warning',
  title: 'A policy names no role, so it holds for PUBLIC',
  why:
    'It is in force for every role there is and will be, the anonymous one too, and is evaluated for each of them. ' +
    'TO names those it is meant for.',
  *find({ policies, access }) {
    for (const policy of policies) {
      if (!policy.roles.includes(everyone)) continue
      const roles = access.exposedTo(policy.table).map(({ sql }) => sql)
      // A restrictive policy narrows what others open, and PUBLIC is the safe choice for it.
      if (!policy.permissive) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} holds for everybody.`,
        evidence: showPolicy(policy),
        fix:
          roles.length === 0
            ? { person: 'No role has a grant on the table, so it is not known whom the policy is for.' }
            : { sql: [`alter policy ${policy.sql} on ${policy.table.sql} to ${roles.join(', ')}`] },
      }
    }
  },
}
