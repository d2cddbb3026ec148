/**
 * RLS033: a policy compares a cast of the column, or a function of it.
 */

import type { Relation } from '../../access/catalog/catalog.ts'
import { fieldsOf, namesOf, walk } from '../../access/tree.ts'
import { scan } from '../analysis/expression.ts'
import type { Model, PolicyFacts } from '../analysis/model.ts'
import { castColumn } from '../analysis/rewrite.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { fasterPolicy } from './rls030-bare-call.ts'

export const rls033: Rule = {
  code: 'RLS033',
  slug: 'cast-on-column',
  level: 'warning',
  title: 'A policy compares a cast or a function of the column',
  why:
    'An index on the column knows its values, and not their casts. Cast the other side, which is one value: ' +
    'tenant_id = (select …)::uuid. A claim that is no such value is an error then, and no longer just no match.',
  *find(model) {
    for (const policy of model.policies) {
      const columns = castColumns(model, policy)
      if (columns.length === 0) continue
      yield {
        object: policy.table.sql,
        part: policy.sql,
        says: `The ${policyOn(policy)} compares ${listed(columns)} with who is asking, and no index of the column helps.`,
        evidence: showPolicy(policy),
        ...fasterPolicy(model, policy),
      }
    }
  },
}

function castColumns(model: Model, { usingTree, table }: PolicyFacts): string[] {
  const found = new Set<string>()
  for (const [type, node] of walk(usingTree?.tree)) {
    if (type !== 'A_Expr' || node.kind !== 'AEXPR_OP' || namesOf(node.name).at(-1) !== '=') continue
    for (const [side, other] of [
      [node.lexpr, node.rexpr],
      [node.rexpr, node.lexpr],
    ]) {
      if (!model.judge.readsCaller(other) || model.judge.readsCaller(side)) continue
      const column = castColumn(side, table, model)
      if (column !== undefined) found.add(`${column.sql}::text`.replace('::text', ' under a cast'))
      const call = fieldsOf(side, 'FuncCall')
      const [first] = call === undefined ? [] : scan(side, table.name).columns
      if (
        call !== undefined &&
        first !== undefined &&
        !hasExpressionIndex(model, table, namesOf(call.funcname).at(-1) ?? '')
      ) {
        found.add(`${namesOf(call.funcname).at(-1)}(${first})`)
      }
    }
  }
  return [...found]
}

function hasExpressionIndex(model: Model, table: Relation, name: string): boolean {
  return model.indexesOf(table).some((index) => index.key[0] === 0 && index.definition.includes(`${name}(`))
}
