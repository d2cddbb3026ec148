/**
 * RLS011: a permissive policy that lets everything be written.
 */

import { isAlwaysTrue } from '../analysis/logic.ts'
import { writeExpression } from '../analysis/model.ts'
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
  *find({ policies, access }) {
    for (const policy of policies) {
      if (!policy.permissive || policy.command === 'select' || !access.concerns(policy.roles)) continue
      const { command, usingTree, table } = policy
      const letsAll = (tree: typeof usingTree) => tree !== undefined && isAlwaysTrue(tree.tree, table)
      // USING that selects with a check that does not is RLS014's: the row can be moved.
      const unchecked =
        letsAll(command === 'delete' ? usingTree : writeExpression(policy)) &&
        (usingTree === undefined || letsAll(usingTree))
      // WITH CHECK is asked of rows as they become: which ones are taken, and which are deleted, it does not narrow.
      const takes = (command === 'all' || command === 'update') && letsAll(usingTree)
      if (!unchecked && !takes) continue
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
