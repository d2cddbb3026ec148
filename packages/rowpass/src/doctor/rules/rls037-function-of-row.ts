/**
 * RLS037: a policy gives columns of the row to a function.
 */
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { namesOfCalls } from './rls030-bare-call.ts'
import { isServedByIndex } from './rls035-missing-index.ts'

export const rls037: Rule = {
  code: 'RLS037',
  slug: 'function-of-row',
  level: 'warning',
  title: 'A policy asks a function about each row',
  why:
    'The function is called for every row of the table, one after the other, and no index can be used. A function that ' +
    'gives what the caller may see, called once, does the same: tenant_id = any ((select app.my_tenants())::uuid[]). Beside a condition that an index ' +
    'serves, only the rows that it gives are asked about, which is a note.',
  *find(model) {
    for (const policy of model.policies) {
      if (policy.command === 'insert') continue
      const calls = (policy.usingTree?.calls ?? []).filter(
        (call) =>
          call.columns.length > 0 &&
          call.sublink === undefined &&
          model.callers
            .resolve({ ...call, argumentCount: call.args.length })
            .some(
              (routine) => !routine.extension && (model.callers.readsCaller(routine) || routine.language !== 'sql'),
            ),
      )
      if (calls.length === 0) continue
      const isServed = isServedByIndex(model, policy)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        ...(isServed && { level: 'info' as const }),
        says: `The ${policyOn(policy)} asks ${listed(namesOfCalls(calls))} about each row${isServed ? ' that an index gives' : ''}.`,
        evidence: showPolicy(policy),
        fix: { person: 'The function must be turned round: from "may I see this" to "what may I see".' },
      }
    }
  },
}
