/**
 * RLS020: a policy for writing that does not look at who is asking, beside others that do.
 */

import { fieldsOf, isNode } from '../../access/tree.ts'
import { holdOn } from '../analysis/held.ts'
import { isAlwaysTrue } from '../analysis/logic.ts'
import { type Model, type PolicyFacts, writeExpression } from '../analysis/model.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls020: Rule = {
  code: 'RLS020',
  slug: 'caller-ignored',
  level: 'warning',
  title: 'A policy for writing does not look at who is asking',
  why: 'Other policies of the table do. Whoever has the role may write each row that the condition names, whoever owns it.',
  *find(model) {
    for (const policy of model.policies) {
      if (!policy.permissive || policy.command === 'select') continue
      const expression = policy.command === 'delete' ? policy.usingTree : writeExpression(policy)
      if (expression === undefined || isAlwaysTrue(expression.tree, policy.table)) continue
      const constant = fieldsOf(expression.tree, 'A_Const')
      if (isNode(constant?.boolval) || model.judge.readsCaller([policy.usingTree?.tree, policy.checkTree?.tree]))
        continue
      const others = model
        .policiesOf(policy.table)
        .filter((other) => other.roles.some((oid) => policy.roles.includes(oid)))
      if (!others.some((other) => model.judge.readsCaller([other.usingTree?.tree, other.checkTree?.tree]))) continue
      if (policy.command === 'insert' && belongsAnyway(model, policy)) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} is the same for everybody.`,
        evidence: showPolicy(policy),
        fix: { person: 'Whose rows may be written is for a person to say.' },
      }
    }
  },
}

/** Whether what shows a row to its owner is held by other means, such as a trigger that writes it. */
function belongsAnyway(model: Model, { table, roles: oids }: PolicyFacts): boolean {
  const roles = model.access.exposedTo(table).filter((role) => model.access.isAmong(role, oids))
  return roles.every((role) => {
    const columns = table.columns.filter(({ name }) => model.tied(table, role).has(name))
    const fixed = new Set<string>()
    return (
      columns.length > 0 &&
      columns.every((column) => holdOn(model, table, column, { role, command: 'insert', fixed }) === 'held')
    )
  })
}
