/**
 * Small readers of parse-tree nodes.
 */
import type { TreeNode } from '../statement/parser.ts'
import { toNames } from '../statement/syntax.ts'

/** The value as a node; undefined when it is none. */
export function asNode(value: unknown): TreeNode | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as TreeNode) : undefined
}

/** The value as a list; empty when it is none. */
export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** The name that a column after SET, or of INSERT, has. */
export function resTargetName(item: unknown): string | undefined {
  const name = asNode(asNode(item)?.ResTarget)?.name
  return typeof name === 'string' ? name : undefined
}

/** The parts of a column reference; a star is `*`. */
export function toPath(fields: unknown): string[] {
  return asList(fields).flatMap((field) => (asNode(field)?.A_Star !== undefined ? ['*'] : toNames([field])))
}

/** Names of the columns that a SELECT gives; undefined where a star or an unnamed expression hides them. */
export function outputColumns(node: TreeNode): readonly string[] | undefined {
  const left = asNode(node.larg)
  if (left !== undefined) return outputColumns(left)
  const names = asList(node.targetList).map((item) => {
    const target = asNode(asNode(item)?.ResTarget)
    if (typeof target?.name === 'string') return target.name
    const last = toPath(asNode(asNode(target?.val)?.ColumnRef)?.fields).at(-1)
    return last === '*' ? undefined : last
  })
  return names.every((name) => name !== undefined) ? names : undefined
}
