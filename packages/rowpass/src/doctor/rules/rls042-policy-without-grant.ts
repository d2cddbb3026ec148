/**
 * RLS042: a policy needs a table or a function that the role may not use.
 */

import type { Role } from '../../access/catalog/catalog.ts'
import type { Model, PolicyFacts } from '../analysis/model.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls042: Rule = {
  code: 'RLS042',
  slug: 'policy-without-grant',
  level: 'error',
  title: 'A policy uses a table or a function that its role has no grant for',
  why:
    'The expression of a policy runs with the rights of whoever asks. Without SELECT on each table of its sub-selects and ' +
    'EXECUTE on each function, every statement ends in "permission denied" (42501), for an object that it does not name.',
  *find(model) {
    for (const policy of model.policies) {
      const roles = model.access
        .exposedTo(policy.table)
        .filter((role) => model.access.isAmong(role, policy.roles) && !model.access.bypasses(role.oid, policy.table))
      const missing = roles.flatMap((role) => missingGrants(model, policy, role))
      if (!policy.table.rls || missing.length === 0) continue
      const functions = missing.filter(({ sql }) => sql !== undefined)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} needs ${listed([...new Set(missing.map(({ what }) => what))])}.`,
        evidence: showPolicy(policy),
        fix:
          functions.length === missing.length
            ? { sql: [...new Set(functions.flatMap(({ sql }) => sql ?? []))] }
            : {
                person:
                  'Grant SELECT on the table, or ask a SECURITY DEFINER function: the grant opens the table itself.',
              },
      }
    }
  },
}

function missingGrants(model: Model, policy: PolicyFacts, role: Role): { what: string; sql?: string }[] {
  const expressions = [policy.usingTree, policy.checkTree].flatMap((each) => each ?? [])
  const tables = expressions
    .flatMap(({ sublinks }) => sublinks.flatMap(({ relations }) => relations))
    .flatMap((each) => model.relationNamed(each) ?? [])
    .filter(({ owner, grants, columns }) => {
      // A name in a policy is resolved already: USAGE of the schema is not asked again.
      const any = [grants, ...columns.map((column) => column.grants)].some((list) =>
        model.access.has(role, list, 'SELECT'),
      )
      return !any && owner !== role.oid && !role.inherits.includes(owner)
    })
  const routines = policy.calls
    .flatMap((oid) => model.catalog.routines.get(oid) ?? [])
    .filter(
      ({ owner, grants }) =>
        !model.access.has(role, grants, 'EXECUTE') && owner !== role.oid && !role.inherits.includes(owner),
    )
  return [
    ...tables.map(({ sql }) => ({ what: `SELECT on ${sql} for ${role.sql}` })),
    ...routines.map(({ sql }) => ({
      what: `EXECUTE on ${sql} for ${role.sql}`,
      sql: `grant execute on function ${sql} to ${role.sql}`,
    })),
  ]
}
