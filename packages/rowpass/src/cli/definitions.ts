/**
 * Finds where the scripts of a project define what a finding is about, for services that show findings in files.
 */
import { fieldsOf, listOf, namesOf, nodeOf, typed } from '../access/tree.ts'
import type { Finding } from '../doctor/finding.ts'
import { Failure } from '../errors.ts'
import { cutScript } from '../scratch/script.ts'
import { readScripts, type Script } from '../scratch/sources.ts'
import { loadParser, type TreeNode } from '../statement/parser.ts'

/** A place in a file. */
export interface Definition {
  /** Path relative to the folder. */
  readonly path: string
  /** From 1. */
  readonly line: number
}

/**
 * Reads the scripts and answers where something is defined: a policy, an index, else the table, view, function, schema or
 * role; the last definition counts. undefined for what no script defines.
 *
 * @param paths scripts or folders; none: the usual places of migrations in the folder, which need not be there
 */
export async function findDefinitions(
  directory: string,
  paths: readonly string[],
): Promise<(finding: Finding) => Definition | undefined> {
  const parser = await loadParser()
  const found = new Map<string, Definition>()
  for (const { name, text } of scriptsOf(directory, paths)) {
    for (const { sql, line } of statementsOf(text, name)) {
      if (!/^(create|alter policy)\b/i.test(sql)) continue
      const parsed = parser.parse(sql)
      const key = parsed.kind === 'tree' ? nameOf(parsed.statements[0]) : undefined
      if (key !== undefined) found.set(key, { path: name, line })
    }
  }
  return ({ object, part }) => {
    const own = unquoted(object)
    const inside = part === undefined ? undefined : unquoted(part)
    const [schema = ''] = own
    const keys = inside === undefined ? [] : [toKey([...own, '', ...inside]), toKey([schema, ...inside]), toKey(inside)]
    const all = [...keys, toKey(own), ...(own.length === 1 ? [toKey(['public', ...own])] : [])]
    return all.map((key) => found.get(key)).find((place) => place !== undefined)
  }
}

function scriptsOf(directory: string, paths: readonly string[]): Script[] {
  if (paths.length > 0) return readScripts(directory, paths)
  try {
    return readScripts(directory, ['.'])
  } catch (error) {
    if (error instanceof Failure) return []
    throw error
  }
}

function statementsOf(text: string, name: string): { sql: string; line: number }[] {
  try {
    return [...cutScript(text, name)]
  } catch (error) {
    if (error instanceof Failure) return []
    throw error
  }
}

/** The name of what a statement creates; an empty part stands between a table and its policy. */
function nameOf(statement: unknown): string | undefined {
  const [type, node] = typed(statement) ?? []
  if (node === undefined) return undefined
  switch (type) {
    case 'CreateStmt':
    case 'CreateSeqStmt':
      return ofRelation(node.relation ?? node.sequence)
    case 'CreateForeignTableStmt':
      return ofRelation(nodeOf(node.base)?.relation)
    case 'ViewStmt':
      return ofRelation(node.view)
    case 'CreateTableAsStmt':
      return ofRelation(nodeOf(node.into)?.rel)
    case 'CreateFunctionStmt':
      return toKey(withSchema(namesOf(listOf(node.funcname))))
    case 'CreatePolicyStmt':
    case 'AlterPolicyStmt':
      return toKey([...relationNames(nodeOf(node.table)), '', String(node.policy_name)])
    case 'IndexStmt': {
      const [schema = ''] = relationNames(nodeOf(node.relation))
      return typeof node.idxname === 'string' ? toKey([schema, node.idxname]) : undefined
    }
    case 'CreateRoleStmt':
      return toKey([String(node.role)])
    case 'CreateSchemaStmt':
      return toKey([String(node.schemaname)])
    case 'CreatePublicationStmt':
      return toKey([String(node.pubname)])
    default:
      return undefined
  }
}

function ofRelation(value: unknown): string | undefined {
  const node = nodeOf(fieldsOf(value, 'RangeVar') ?? value)
  return node === undefined ? undefined : toKey(relationNames(node))
}

function relationNames(node: TreeNode | undefined): string[] {
  return [typeof node?.schemaname === 'string' ? node.schemaname : 'public', String(node?.relname)]
}

function withSchema(names: readonly string[]): readonly string[] {
  return names.length === 1 ? ['public', ...names] : names
}

/** The parts of a name as SQL writes it; without the arguments of a function. */
function unquoted(sql: string): string[] {
  const name = /^(?:(?:"(?:[^"]|"")*"|[^".(])+\.?)+/.exec(sql)?.[0] ?? sql
  return [...name.matchAll(/"((?:[^"]|"")*)"|[^."]+/g)].map(([word, quoted]) => quoted?.replaceAll('""', '"') ?? word)
}

function toKey(names: readonly string[]): string {
  return JSON.stringify(names)
}
