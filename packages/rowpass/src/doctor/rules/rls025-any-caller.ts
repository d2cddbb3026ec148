/**
 * RLS025: a policy asks that there is somebody, and not who.
 */
import { isForCommand } from '../../access/policies.ts'
import type { Model, PolicyFacts } from '../analysis/model.ts'
import { ignoresTenant, isAnybody, tenantColumns, tenantNames } from '../analysis/tenants.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { narrowed } from './rls013-or-opens.ts'

export const rls025: Rule = {
  code: 'RLS025',
  slug: 'any-caller',
  level: 'error',
  title: 'A policy on a table with tenants lets in whoever is signed in',
  why:
    'auth.uid() is not null, or the role "authenticated", is true for the users of every tenant. The table has the column by ' +
    'which other tables keep tenants apart, and no policy compares it.',
  *find(model) {
    for (const policy of model.policies) {
      const { table, permissive, usingTree } = policy
      if (!permissive || !isForCommand(policy, 'select') || !isAnybody(model, usingTree?.tree)) continue
      if (!model.access.concerns(policy.roles)) continue
      const names = tenantNames(model, policy)
      const columns = table.columns.filter(({ name }) => names.has(name))
      // Beside a policy that narrows it is RLS013's.
      if (columns.length === 0 || isBesideTenant(model, policy)) continue
      if (!ignoresTenant(model, policy, names)) continue
      const isHeld = model.access
        .exposedTo(table)
        .some((role) => columns.some(({ name }) => model.tied(table, role).has(name)))
      if (isHeld) continue
      yield {
        object: table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} shows every ${listed(columns.map(({ sql }) => sql))} to whoever is signed in.`,
        evidence: showPolicy(policy),
        fix: { person: 'Compare the tenant with the claim, unless the rows are for everybody.' },
      }
    }
  },
}

function isBesideTenant(model: Model, policy: PolicyFacts): boolean {
  return narrowed(model, policy).some((other) => tenantColumns(model, other).size > 0)
}
