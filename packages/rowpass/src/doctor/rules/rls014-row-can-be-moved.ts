/**
 * RLS014: an UPDATE can give a row to somebody else.
 */

import type { Role, Trigger } from '../../access/catalog/catalog.ts'
import { guessed, holdOn } from '../analysis/held.ts'
import { isAlwaysTrue, tiedColumns } from '../analysis/logic.ts'
import { type Model, type PolicyFacts, writeExpression } from '../analysis/model.ts'
import { rewriteExpression } from '../analysis/rewrite.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls014: Rule = {
  code: 'RLS014',
  slug: 'row-can-be-moved',
  level: 'error',
  title: 'An update can move a row to another owner or tenant',
  why:
    'USING chooses the rows, WITH CHECK judges what becomes of them; without a WITH CHECK it is USING again. Columns by ' +
    'which rows are shown to their owners must be held by it, or must not be granted for UPDATE.',
  *find(model) {
    for (const policy of model.policies) {
      if (!policy.permissive || (policy.command !== 'update' && policy.command !== 'all')) continue
      const loose = looseColumns(model, policy)
      if (loose.size === 0) continue
      const columns = policy.table.columns.filter(({ name }) => loose.has(name)).map(({ sql }) => sql)
      const held = policy.usingTree && tiedColumns(policy.usingTree.tree, policy.table, model.judge)
      const using = policy.usingTree && (rewriteExpression(model, policy.usingTree, policy.table) ?? policy.using)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} lets ${listed(columns)} of a row become anything.`,
        ...guessed(showPolicy(policy), loose),
        fix: [...loose.keys()].every((column) => held?.has(column))
          ? {
              sql: [`alter policy ${policy.sql} on ${policy.table.sql} with check (${using})`],
              loses: [`whoever the policy is for: updates that give another ${listed(columns)} to a row`],
            }
          : { person: `Hold ${listed(columns)} in WITH CHECK, or grant UPDATE by column without it.` },
      }
    }
  },
}

function looseColumns(model: Model, policy: PolicyFacts): ReadonlyMap<string, Trigger | undefined> {
  const { table, usingTree } = policy
  const write = writeExpression(policy)
  if (write === undefined) return new Map()
  // All rows, whatever they become: RLS011's.
  if (isAlwaysTrue(write.tree, table) && (usingTree === undefined || isAlwaysTrue(usingTree.tree, table)))
    return new Map()
  const held = tiedColumns(write.tree, table, model.judge)
  const found = new Map<string, Trigger | undefined>()
  for (const role of model.access.exposedTo(table)) {
    if (!model.access.isAmong(role, policy.roles)) continue
    const restricted = model
      .applying(table, role, 'update')
      .filter(({ permissive }) => !permissive)
      .flatMap((each) => [...tiedColumns(writeExpression(each)?.tree, table, model.judge)])
    const fixed = new Set([...held, ...restricted])
    const names = identifying(model, policy, role)
    for (const column of table.columns) {
      if (!names.has(column.name) || fixed.has(column.name)) continue
      if (!model.access.canColumn(role, 'update', table, column.name)) continue
      const hold = holdOn(model, table, column, { role, command: 'update', fixed })
      if (hold !== 'held') found.set(column.name, hold === 'free' ? undefined : hold.trigger)
    }
  }
  return found
}

/** Columns that say whose a row is: by what is seen, or where nothing is, by what may be changed. */
function identifying(model: Model, policy: PolicyFacts, role: Role): ReadonlySet<string> {
  const seen = model.tied(policy.table, role)
  const own = policy.usingTree && tiedColumns(policy.usingTree.tree, policy.table, model.judge)
  return new Set([...seen, ...(own ?? [])])
}
