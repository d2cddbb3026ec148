/**
 * RLS011: a permissive policy that lets everything be written.
 */

import type { Command, Role } from '../../access/catalog/catalog.ts'
import { isAlwaysTrue, tiedColumns } from '../analysis/logic.ts'
import { type Model, type PolicyFacts, writeExpression } from '../analysis/model.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls011: Rule = {
  code: 'RLS011',
  slug: 'writes-unchecked',
  level: 'error',
  title: 'A policy lets every row be written',
  why:
    'Whoever has the grant changes, deletes or adds rows of everybody. An expression that is always true is as good as ' +
    'no policy for the command, and other permissive policies cannot narrow it: they are joined by OR.',
  *find(model) {
    for (const policy of model.policies) {
      if (!policy.permissive || policy.command === 'select' || !model.access.concerns(policy.roles)) continue
      const { command, usingTree, table } = policy
      const letsAll = (tree: typeof usingTree) => tree !== undefined && isAlwaysTrue(tree.tree, table)
      // USING that selects with a check that does not is RLS014's: the row can be moved.
      const unchecked =
        letsAll(command === 'delete' ? usingTree : writeExpression(policy)) &&
        (usingTree === undefined || letsAll(usingTree))
      // WITH CHECK is asked of rows as they become: which ones are taken, and which are deleted, it does not narrow.
      const takes = (command === 'all' || command === 'update') && letsAll(usingTree)
      if ((!unchecked && !takes) || isNarrowed(model, policy)) continue
      const commands = command === 'all' ? 'all commands' : command.toUpperCase()
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} lets every row through for ${commands}${unchecked ? '' : ': its WITH CHECK is asked of what rows become alone'}.`,
        evidence: showPolicy(policy),
        fix: { person: 'Which rows belong to whom is for a person to say.' },
      }
    }
  },
}

/** Whether restrictive policies tie to the caller which rows are taken and what they become, for every role and command. */
function isNarrowed(model: Model, { table, roles, command }: PolicyFacts): boolean {
  const commands: readonly Command[] = command === 'all' ? ['insert', 'update', 'delete'] : [command]
  const ties = (tree: PolicyFacts['usingTree']) =>
    tree !== undefined && tiedColumns(tree.tree, table, model.judge).size > 0
  const isTied = (role: Role, each: Command): boolean => {
    const narrowing = model.applying(table, role, each).filter(({ permissive }) => !permissive)
    const taken = each === 'insert' || narrowing.some(({ usingTree }) => ties(usingTree))
    return taken && (each === 'delete' || narrowing.some((policy) => ties(writeExpression(policy))))
  }
  const concerned = model.access.exposedTo(table).filter((role) => model.access.isAmong(role, roles))
  return concerned.length > 0 && concerned.every((role) => commands.every((each) => isTied(role, each)))
}
