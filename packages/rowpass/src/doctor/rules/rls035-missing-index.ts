/**
 * RLS035: a policy selects by a column that has no index.
 */

import type { Relation } from '../../access/catalog/catalog.ts'
import { fieldsOf, isNode, namesOf } from '../../access/tree.ts'
import { scan } from '../analysis/expression.ts'
import { columnOf, operands } from '../analysis/logic.ts'
import type { Model } from '../analysis/model.ts'
import { castColumn } from '../analysis/rewrite.ts'
import { listed, policyOn, showPolicy } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls035: Rule = {
  code: 'RLS035',
  slug: 'missing-index',
  level: 'warning',
  title: 'A policy selects rows by a column that no index begins with',
  why:
    'The policy is a part of each query of the table, so each one reads the whole table. An index whose first column is the ' +
    'one that is compared lets it read the rows of the caller only. On a large table, make it CONCURRENTLY.',
  *find(model) {
    const reported = new Set<string>()
    for (const policy of model.policies) {
      if (policy.command === 'insert' || !policy.permissive || policy.usingTree === undefined) continue
      const missing = missingColumns(model, policy.usingTree.tree, policy.table)
      const columns = policy.table.columns.filter(({ name }) => missing?.includes(name)).map(({ sql }) => sql)
      const part = columns.join(', ')
      if (columns.length === 0 || reported.has(`${policy.relation} ${part}`)) continue
      reported.add(`${policy.relation} ${part}`)
      yield {
        object: policy.table.sql,
        part,
        says: `The ${policyOn(policy)} selects by ${listed(columns)}, and no index begins with ${columns.length === 1 ? 'it' : 'them'}.`,
        evidence: `${showPolicy(policy)}; pg_index has none on ${policy.table.sql} with ${part} first`,
        fix: { sql: columns.map((column) => `create index on ${policy.table.sql} (${column})`) },
      }
    }
  },
}

/**
 * Columns that need an index for the expression to be answered by one: none when there is a way already, undefined when
 * no index can help.
 */
function missingColumns(model: Model, tree: unknown, table: Relation): readonly string[] | undefined {
  const branches = operands(tree, 'OR_EXPR')
  if (branches.length > 1) {
    const each = branches.map((branch) => missingColumns(model, branch, table))
    return each.includes(undefined) ? undefined : [...new Set(each.flatMap((columns) => columns ?? []))]
  }
  const conditions = operands(tree, 'AND_EXPR')
  if (conditions.length > 1) {
    const ways = conditions.flatMap((each) => {
      const columns = missingColumns(model, each, table)
      return columns === undefined ? [] : [columns]
    })
    return ways.sort((a, b) => a.length - b.length)[0]
  }
  const column = comparedColumn(model, tree, table)
  if (column === undefined) return undefined
  return isIndexed(model, table, column) ? [] : [column]
}

/** The column of `column = value`, where the value is the same for all rows. */
function comparedColumn(model: Model, tree: unknown, table: Relation): string | undefined {
  const node = fieldsOf(tree, 'A_Expr')
  if (node === undefined || namesOf(node.name).at(-1) !== '=') return undefined
  if (node.kind !== 'AEXPR_OP' && node.kind !== 'AEXPR_OP_ANY' && node.kind !== 'AEXPR_IN') return undefined
  const isRow = (side: unknown): boolean => scan(side, table.name).columns.length > 0
  const [row, value] = isRow(node.lexpr) ? [node.lexpr, node.rexpr] : [node.rexpr, node.lexpr]
  if (isRow(value) || !(isNode(value) || Array.isArray(value)) || castColumn(row, table, model) !== undefined)
    return undefined
  if (!model.judge.readsCaller(value)) return undefined
  const name = columnOf(row)
  return table.columns.some((column) => column.name === name) ? name : undefined
}

function isIndexed(model: Model, table: Relation, name: string): boolean {
  const number = table.columns.find((column) => column.name === name)?.number
  return model
    .indexesOf(table)
    .some(({ key, predicate, valid }) => key[0] === number && predicate === undefined && valid)
}
