/**
 * RLS041: a policy looks into a table that has policies itself.
 */

import type { Relation, Role } from '../../access/catalog/catalog.ts'
import type { Model, PolicyFacts } from '../analysis/model.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls041: Rule = {
  code: 'RLS041',
  slug: 'hidden-filter',
  level: 'info',
  title: 'A policy depends on the policies of another table',
  why:
    'The sub-select sees only the rows that the caller may see there. A change of those policies changes this one, and a ' +
    'row that is hidden there counts as not being there. Where the caller sees no row at all, the policy shows nothing, or ' +
    'with NOT everything, without an error.',
  *find(model) {
    for (const policy of model.policies) {
      const links = [policy.usingTree, policy.checkTree].flatMap((expression) => expression?.sublinks ?? [])
      const tables = links
        .flatMap(({ relations }) => relations.map((each) => model.relationNamed(each)))
        .flatMap((table) => (table?.rls && table.oid !== policy.relation ? [table] : []))
      if (tables.length === 0) continue
      const names = listed([...new Set(tables.map(({ sql }) => sql))])
      const [blind] = blindRoles(model, policy, tables)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says:
          blind === undefined
            ? `The ${policyOn(policy)} sees of ${names} what the caller sees.`
            : `The ${policyOn(policy)} asks ${blind.table.sql}, where no policy lets ${blind.role.sql} see a row.`,
        evidence: showPolicy(policy),
        ...(blind !== undefined && { level: 'warning' }),
        fix: { person: 'Right where the caller sees their own rows there; a SECURITY DEFINER function sees all.' },
      }
    }
  },
}

/** Roles that the policy is for, and that no policy lets see a row of a table which it asks. */
function blindRoles(model: Model, policy: PolicyFacts, tables: readonly Relation[]): { role: Role; table: Relation }[] {
  const roles = model.access.exposedTo(policy.table).filter((role) => model.access.isAmong(role, policy.roles))
  return tables.flatMap((table) =>
    roles
      .filter((role) => !model.access.bypasses(role.oid, table))
      .filter((role) => !model.applying(table, role, 'select').some(({ permissive }) => permissive))
      .map((role) => ({ role, table })),
  )
}
