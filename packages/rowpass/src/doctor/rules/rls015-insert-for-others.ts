/**
 * RLS015: an INSERT can make a row of somebody else.
 */
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
      if (loose.length === 0) continue
      const columns = policy.table.columns.filter(({ name }) => loose.includes(name)).map(({ sql }) => sql)
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} takes any ${listed(columns)}.`,
        evidence: showPolicy(policy),
        fix: { person: `Hold ${listed(columns)} in WITH CHECK, or give it a default and no grant for INSERT.` },
      }
    }
  },
}

function looseColumns(model: Model, policy: PolicyFacts): string[] {
  const { table } = policy
  const write = writeExpression(policy)
  if (write === undefined || isAlwaysTrue(write.tree, table)) return []
  const held = tiedColumns(write.tree, table, model.judge)
  const found = model.access.exposedTo(table).flatMap((role) => {
    if (!model.access.isAmong(role, policy.roles)) return []
    const restricted = model
      .applying(table, role, 'insert')
      .filter(({ permissive }) => !permissive)
      .flatMap((each) => [...tiedColumns(writeExpression(each)?.tree, table, model.judge)])
    return [...model.tied(table, role)].filter(
      (column) =>
        !held.has(column) && !restricted.includes(column) && model.access.canColumn(role, 'insert', table, column),
    )
  })
  return [...new Set(found)]
}
