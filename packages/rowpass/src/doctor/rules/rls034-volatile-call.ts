/**
 * RLS034: a policy calls a VOLATILE function, which is called again for each row.
 */
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { bareCalls, namesOfCalls, volatilityOf } from './rls030-bare-call.ts'

export const rls034: Rule = {
  code: 'RLS034',
  slug: 'volatile-call',
  level: 'warning',
  title: 'A policy calls a VOLATILE function for each row',
  why:
    'Functions are VOLATILE unless they say otherwise. Such a call can be neither an index condition nor planned ahead. A ' +
    'function that only reads is STABLE; ALTER FUNCTION … STABLE says so, and (select …) around it calls it once.',
  *find(model) {
    for (const policy of model.policies) {
      const calls = bareCalls(model, policy).filter((call) => volatilityOf(model, call) === 'volatile')
      if (calls.length === 0) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} calls ${listed(namesOfCalls(calls))}, which ${calls.length === 1 ? 'is' : 'are'} VOLATILE.`,
        evidence: showPolicy(policy),
        fix: {
          person:
            'Whether the function changes anything is for a person to say; then make it STABLE and wrap the call.',
        },
      }
    }
  },
}
