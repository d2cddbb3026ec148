/**
 * Small readers of parse-tree nodes.
 */
import { listOf, nodeOf } from '../access/tree.ts'
import type { TreeNode } from '../statement/parser.ts'
import { toNames } from '../statement/syntax.ts'

/** The name that a column after SET, or of INSERT, has. */
export function resTargetName(item: unknown): string | undefined {
  const name = nodeOf(nodeOf(item)?.ResTarget)?.name
  return typeof name === 'string' ? name : undefined
}

/** The parts of a column reference; a star is `*`. */
export function toPath(fields: unknown): string[] {
  return listOf(fields).flatMap((field) => (nodeOf(field)?.A_Star !== undefined ? ['*'] : toNames([field])))
}

/** Names of the columns that a SELECT gives; undefined where a star or an unnamed expression hides them. */
export function outputColumns(node: TreeNode): readonly string[] | undefined {
  const left = nodeOf(node.larg)
  if (left !== undefined) return outputColumns(left)
  const names = listOf(node.targetList).map((item) => {
    const target = nodeOf(nodeOf(item)?.ResTarget)
    if (typeof target?.name === 'string') return target.name
    const last = toPath(nodeOf(nodeOf(target?.val)?.ColumnRef)?.fields).at(-1)
    return last === '*' ? undefined : last
  })
  return names.every((name) => name !== undefined) ? names : undefined
}
