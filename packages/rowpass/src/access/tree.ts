/**
 * Small questions to a parse tree, which `sql/parser.ts` has made.
 */
import type { TreeNode } from '../statement/parser.ts'

/** A node and what it is: `{ FuncCall: {…} }` is `['FuncCall', {…}]`. */
export type Typed = readonly [type: string, fields: TreeNode]

/** Splits a node that names its type; undefined for anything else. */
export function typed(value: unknown): Typed | undefined {
  if (!isNode(value)) return undefined
  let type: string | undefined
  // The most often run loop of the doctor: it makes no list of the fields.
  for (const name in value) {
    if (type !== undefined || name < 'A' || name > 'Zz') return undefined
    type = name
  }
  const fields = type === undefined ? undefined : value[type]
  return type === undefined || !isNode(fields) ? undefined : [type, fields]
}

/** The fields of a node of this type, else undefined. */
export function fieldsOf(value: unknown, type: string): TreeNode | undefined {
  const found = typed(value)
  return found?.[0] === type ? found[1] : undefined
}

/** A list in a field; empty when it is not there. */
export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : []
}

/** Names in a list of String nodes; `*` for A_Star. */
export function namesOf(value: unknown): string[] {
  return listOf(value).map((each) => {
    const text = fieldsOf(each, 'String')?.sval
    return typeof text === 'string' ? text : '*'
  })
}

/** Text of a string constant, through casts; undefined when it is none. */
export function stringOf(value: unknown): string | undefined {
  const cast = fieldsOf(value, 'TypeCast')
  if (cast !== undefined) return stringOf(cast.arg)
  const constant = fieldsOf(value, 'A_Const')
  if (constant === undefined || !isNode(constant.sval)) return undefined
  // The parser leaves out what is empty.
  return typeof constant.sval.sval === 'string' ? constant.sval.sval : ''
}

/** Whether a value is an object of the tree. */
export function isNode(value: unknown): value is TreeNode {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** The value as an object of the tree; undefined when it is none. */
export function nodeOf(value: unknown): TreeNode | undefined {
  return isNode(value) ? value : undefined
}

/** All nodes that name their type, from the top down. */
export function walk(value: unknown): readonly Typed[] {
  if (typeof value !== 'object' || value === null) return []
  let found = walked.get(value)
  if (found === undefined) {
    found = []
    collect(value, found)
    walked.set(value, found)
  }
  return found
}

/** Trees never change, and several rules walk through each one. */
const walked = new WeakMap<object, Typed[]>()

function collect(value: unknown, found: Typed[]): void {
  if (Array.isArray(value)) {
    for (const each of value) collect(each, found)
  } else if (isNode(value)) {
    const here = typed(value)
    if (here !== undefined) found.push(here)
    for (const name in value) collect(value[name], found)
  }
}

/** `schema.name` or `name` of a list of names. */
export interface QualifiedName {
  readonly schema: string | undefined
  readonly name: string
}

/** The last two parts of a name; `pg_catalog` counts as no schema, since PostgreSQL leaves it out. */
export function qualifiedName(names: readonly string[]): QualifiedName {
  const schema = names.at(-2)
  return { schema: schema === 'pg_catalog' ? undefined : schema, name: names.at(-1) ?? '' }
}
