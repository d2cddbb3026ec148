/**
 * RLS015: an INSERT can make a row of somebody else.
 */
import type { Trigger } from '../../access/catalog/catalog.ts'
import { guessed, holdOn } from '../analysis/held.ts'
import { isAlwaysTrue, tiedColumns } from '../analysis/logic.ts'
import { type Model, type PolicyFacts, writeExpression } from '../analysis/model.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls015: Rule = {
  code: 'RLS015',
  slug: 'insert-for-others',
  level: 'error',
  title: 'An insert can make a row that belongs to another owner or tenant',
  why:
    'Others see a row that they have not written. WITH CHECK must hold the columns by which rows are shown to their ' +
    'owners, or these columns get a default and no grant for INSERT.',
  *find(model) {
    for (const policy of model.policies) {
      if (!policy.permissive || policy.command !== 'insert') continue
      const loose = looseColumns(model, policy)
      if (loose.size === 0) continue
      const columns = policy.table.columns.filter(({ name }) => loose.has(name)).map(({ sql }) => sql)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} takes any ${listed(columns)}.`,
        ...guessed(showPolicy(policy), loose),
        fix: { person: `Hold ${listed(columns)} in WITH CHECK, or give it a default and no grant for INSERT.` },
      }
    }
  },
}

function looseColumns(model: Model, policy: PolicyFacts): ReadonlyMap<string, Trigger | undefined> {
  const { table } = policy
  const write = writeExpression(policy)
  if (write === undefined || isAlwaysTrue(write.tree, table)) return new Map()
  const held = tiedColumns(write.tree, table, model.judge)
  const found = new Map<string, Trigger | undefined>()
  for (const role of model.access.exposedTo(table)) {
    if (!model.access.isAmong(role, policy.roles)) continue
    const restricted = model
      .applying(table, role, 'insert')
      .filter(({ permissive }) => !permissive)
      .flatMap((each) => [...tiedColumns(writeExpression(each)?.tree, table, model.judge)])
    const fixed = new Set([...held, ...restricted])
    const names = model.tied(table, role)
    for (const column of table.columns) {
      if (!names.has(column.name) || fixed.has(column.name)) continue
      if (!model.access.canColumn(role, 'insert', table, column.name)) continue
      const hold = holdOn(model, table, column, { role, command: 'insert', fixed })
      if (hold !== 'held') found.set(column.name, hold === 'free' ? undefined : hold.trigger)
    }
  }
  return found
}
