/**
 * RLS010: a policy without TO.
 */
import { everyone } from '../../access/access.ts'
import type { Relation, Role } from '../../access/catalog/catalog.ts'
import type { Model, PolicyFacts } from '../analysis/model.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Fix, Rule } from '../finding.ts'

export const rls010: Rule = {
  code: 'RLS010',
  slug: 'policy-for-public',
  level: 'warning',
  title: 'A policy names no role, so it holds for PUBLIC',
  why:
    'It is in force for every role there is and will be, the anonymous one too, and is evaluated for each of them. ' +
    'TO names those it is meant for.',
  *find(model) {
    for (const policy of model.policies) {
      if (!policy.roles.includes(everyone)) continue
      // A restrictive policy narrows what others open, and PUBLIC is the safe choice for it.
      if (!policy.permissive) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} holds for everybody.`,
        evidence: showPolicy(policy),
        fix: nameRoles(model, policy),
      }
    }
  },
}

/** Names say whom a policy is for only where the policy itself tells one from another. */
function nameRoles(model: Model, policy: PolicyFacts): Fix {
  const { access, judge } = model
  const roles = access.exposedTo(policy.table).map(({ sql }) => sql)
  if (roles.length === 0)
    return { person: 'No role has a grant on the table, so it is not known whom the policy is for.' }
  const owner = ownerHeld(model, policy.table)
  if (owner !== undefined && !access.exposedTo(policy.table).includes(owner)) {
    const named = listed([...roles, owner.sql])
    return { person: `FORCE makes it a policy of ${owner.sql} too, who sees no row without one: is it for ${named}?` }
  }
  const asks = [policy.usingTree, policy.checkTree].every((each) => each === undefined || judge.readsCaller(each.tree))
  if (asks) {
    return {
      sql: [`alter policy ${policy.sql} on ${policy.table.sql} to ${roles.join(', ')}`],
      loses: [`every role but ${listed(roles)}, of now and later: the rows of policy ${policy.sql}`],
    }
  }
  return {
    person:
      `Who is to have these rows? The policy does not ask who is asking, and ${listed(roles)} may use the table: to name ` +
      'all of them would change nothing. Name those it is for, or let it ask.',
  }
}

/** The owner of a table, where policies hold for it. */
function ownerHeld({ access, catalog }: Model, table: Relation): Role | undefined {
  return table.force && !access.bypasses(table.owner, table) ? catalog.roles.get(table.owner) : undefined
}
