/**
 * RLS013: permissive policies are joined by OR, and one of them is always true, or forgets the tenant.
 */
import { scan } from '../analysis/expression.ts'
import { isAlwaysTrue, tiedColumns } from '../analysis/logic.ts'
import type { Model, PolicyFacts } from '../analysis/model.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls013: Rule = {
  code: 'RLS013',
  slug: 'or-opens',
  level: 'error',
  title: 'One permissive policy opens what another one narrows',
  why:
    'Permissive policies for the same role and command are joined by OR. One that is always true makes the others ' +
    'pointless, and one that asks nothing of the caller lets rows of every tenant through. What must hold in any case ' +
    'belongs into a RESTRICTIVE policy.',
  *find(model) {
    for (const policy of openers(model)) {
      const narrow = narrowed(model, policy)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} is always true, so ${narrow.map(({ sql }) => sql).join(', ')} narrows nothing.`,
        evidence: showPolicy(policy),
        fix: {
          person:
            `Are the rows of ${policy.table.sql} for everybody? Then ${narrow.map(({ sql }) => sql).join(', ')} narrows ` +
            `nothing for SELECT, and may be for writing only. If not, whoever reads through it loses rows after: ` +
            `drop policy ${policy.sql} on ${policy.table.sql}`,
        },
      }
    }
    for (const policy of forgetful(model)) {
      const narrow = narrowed(model, policy)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        level: 'warning',
        says: `The ${policyOn(policy)} asks nothing of the caller, so ${narrow.map(({ sql }) => sql).join(', ')} does not keep tenants apart.`,
        evidence: showPolicy(policy),
        fix: { person: 'Add the tenant to the condition, unless such rows are for everybody.' },
      }
    }
  },
}

/**
 * Policies about the row alone beside one that ties two columns to the caller, a tenant and a person: `shared` beside
 * `tenant_id = … and author_id = …`. Beside one tied column it is as likely meant, as with posts that are published.
 */
function forgetful(model: Model): PolicyFacts[] {
  const opening = openers(model)
  return model.policies.filter(
    (policy) =>
      policy.permissive &&
      policy.command === 'select' &&
      policy.usingTree !== undefined &&
      !opening.includes(policy) &&
      !model.judge.readsCaller(policy.usingTree.tree) &&
      scan(policy.usingTree.tree, policy.table.name).columns.length > 0 &&
      narrowed(model, policy).some((other) => tiedColumns(other.usingTree?.tree, other.table, model.judge).size > 1),
  )
}

/** Policies that show every row beside one, for the same role, that looks at who is asking. */
export function openers(model: Model): PolicyFacts[] {
  return model.policies.filter(
    (policy) =>
      policy.permissive &&
      policy.command === 'select' &&
      policy.usingTree !== undefined &&
      isAlwaysTrue(policy.usingTree.tree, policy.table) &&
      narrowed(model, policy).length > 0,
  )
}

function narrowed(model: Model, policy: PolicyFacts): PolicyFacts[] {
  const overlaps = (other: PolicyFacts): boolean =>
    other.roles.some((oid) => policy.roles.includes(oid)) || other.roles.includes(0) || policy.roles.includes(0)
  return model
    .policiesOf(policy.table)
    .filter(
      (other) =>
        other !== policy &&
        other.permissive &&
        (other.command === 'select' || other.command === 'all') &&
        overlaps(other) &&
        model.judge.readsCaller(other.usingTree?.tree),
    )
}
