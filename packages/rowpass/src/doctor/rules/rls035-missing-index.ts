/**
 * RLS035: a policy selects by a column that has no index.
 */

import type { Relation } from '../../access/catalog/catalog.ts'
import { fieldsOf, isNode, namesOf } from '../../access/tree.ts'
import { scan } from '../analysis/expression.ts'
import { columnOf, operands, withoutLocations } from '../analysis/logic.ts'
import type { Model, PolicyFacts } from '../analysis/model.ts'
import { castColumn } from '../analysis/rewrite.ts'
import { policyOn, showPolicy } from '../analysis/words.ts'
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
      if (!model.access.concerns(policy.roles)) continue
      const missing = missingColumns(model, policy.usingTree.tree, policy.table)
      for (const column of policy.table.columns) {
        const key = `${policy.relation} ${column.number}`
        if (missing?.includes(column.name) !== true || reported.has(key)) continue
        reported.add(key)
        const partial = model
          .indexesOf(policy.table)
          .filter(({ key: [first], predicate, valid }) => first === column.number && predicate !== undefined && valid)
        const says = `The ${policyOn(policy)} selects by ${column.sql}`
        yield {
          object: policy.table.sql,
          part: column.sql,
          ...(partial.length === 0
            ? {
                says: `${says}, and no index begins with it.`,
                evidence: `${showPolicy(policy)}; pg_index has none on ${policy.table.sql} with ${column.sql} first`,
              }
            : {
                level: 'info' as const,
                says: `${says}, and the only index that begins with it is for some of the rows.`,
                evidence: [showPolicy(policy), ...partial.map(({ definition }) => definition)].join('; '),
              }),
          fix: { sql: [`create index on ${policy.table.sql} (${column.sql})`] },
        }
      }
    }
  },
}

/** Whether an index gives the rows that USING is then asked about, and no others. */
export function isServedByIndex(model: Model, { usingTree, table }: PolicyFacts): boolean {
  return usingTree !== undefined && missingColumns(model, usingTree.tree, table)?.length === 0
}

/**
 * Columns that need an index for the expression to be answered by one: none when there is a way already, undefined when
 * no index can help.
 */
function missingColumns(
  model: Model,
  tree: unknown,
  table: Relation,
  beside: readonly unknown[] = [],
): readonly string[] | undefined {
  const branches = operands(tree, 'OR_EXPR')
  if (branches.length > 1) {
    const each = branches.map((branch) => missingColumns(model, branch, table, beside))
    return each.includes(undefined) ? undefined : [...new Set(each.flatMap((columns) => columns ?? []))]
  }
  const conditions = operands(tree, 'AND_EXPR')
  if (conditions.length > 1) {
    const ways = conditions.flatMap((each) => {
      const columns = missingColumns(model, each, table, [...beside, ...conditions])
      return columns === undefined ? [] : [columns]
    })
    return ways.sort((a, b) => a.length - b.length)[0]
  }
  const column = comparedColumn(model, tree, table)
  if (column === undefined) return undefined
  return isIndexed(model, table, column, beside) ? [] : [column]
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

function isIndexed(model: Model, table: Relation, name: string, beside: readonly unknown[]): boolean {
  const number = table.columns.find((column) => column.name === name)?.number
  const holds = (predicate: string): boolean =>
    operands(model.parse(predicate, table)?.tree, 'AND_EXPR').every((part) =>
      beside.some((each) => withoutLocations(each) === withoutLocations(part)),
    )
  return model
    .indexesOf(table)
    .some(({ key, predicate, valid }) => key[0] === number && valid && (predicate === undefined || holds(predicate)))
}
