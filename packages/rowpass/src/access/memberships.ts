/**
 * Tenancy by membership: rows belong to what a person is a member of, by a table that policies join or ask a function about,
 * and no claim says it.
 */
import type { Parser } from '../statement/parser.ts'
import type { Column, Relation, Routine } from './catalog/catalog.ts'
import { claimOf } from './claims.ts'
import type { Database } from './database.ts'
import type { ClaimsCarrier } from './identity.ts'
import { fieldsOf, isNode, listOf, namesOf, qualifiedName, typed, walk } from './tree.ts'

/** A table that says who is a member of what. */
export interface MemberTable {
  readonly relation: Relation
  /** The column of the person, and the claim that policies compare it with. */
  readonly person: Column
  readonly claim: string
  /** The column of what somebody is a member of. */
  readonly tenant: Column
}

/** A column whose values a policy looks up in a membership. */
export interface MembershipUse {
  readonly relation: Relation
  readonly column: Column
  readonly membership: MemberTable
}

/** What a select says of a membership: how the tenant goes in or out. */
interface Lookup {
  readonly membership: MemberTable
  /** A column of the table around it, the number of a parameter, or what the select gives. */
  readonly by: { readonly outer: Column } | { readonly argument: number } | 'output'
}

/**
 * Finds them in the expressions of policies: `column in (select …)`, `exists (select …)`, and functions that take the column
 * or give what it is compared with.
 *
 * Does NOT see memberships that a function reads through others.
 */
export function findMemberships(
  { catalog, callers }: Pick<Database, 'catalog' | 'callers'>,
  parser: Parser,
  carrier: ClaimsCarrier | undefined,
): MembershipUse[] {
  const relations = [...catalog.relations.values()]
  const summaries = new Map<number, readonly Lookup[]>()
  const found = new Map<string, MembershipUse>()
  for (const { relation: oid, using, check } of catalog.policies) {
    const table = catalog.relations.get(oid)
    for (const text of [using, check]) if (table !== undefined && text !== undefined) readPolicy(table, text)
  }
  return [...found.values()]

  function readPolicy(table: Relation, text: string): void {
    const parsed = parser.parse(`select ${text}`)
    if (parsed.kind !== 'tree') return
    const add = (column: Column | undefined, { membership }: Lookup) => {
      if (column === undefined || membership.relation === table) return
      found.set(`${table.oid} ${column.number} ${membership.relation.oid}`, { relation: table, column, membership })
    }
    const outer = (tree: unknown) => columnOf(tree, [[table.name, table]])
    for (const [type, node] of walk(parsed.statements)) {
      if (type === 'SubLink' && node.subLinkType === 'EXISTS_SUBLINK')
        for (const each of readSelect(node.subselect, table, undefined))
          if (typeof each.by === 'object' && 'outer' in each.by) add(each.by.outer, each)
      if (type === 'SubLink' && node.subLinkType === 'ANY_SUBLINK')
        for (const each of outputsOf(node.subselect, table)) add(outer(node.testexpr), each)
      if (type === 'A_Expr' && namesOf(node.name).at(-1) === '=')
        for (const each of outputsOf(node.rexpr, table)) add(outer(node.lexpr), each)
      if (type === 'FuncCall')
        for (const each of summaryOf(node))
          if (typeof each.by === 'object' && 'argument' in each.by)
            add(outer(listOf(node.args)[each.by.argument]), each)
    }
  }

  /** Tenants that come out of a tree: of its selects, and of the functions that it calls. */
  function outputsOf(tree: unknown, table: Relation): readonly Lookup[] {
    const lookups = walk(tree).flatMap(([type, node]) =>
      type === 'SelectStmt'
        ? readSelect({ SelectStmt: node }, table, undefined)
        : type === 'FuncCall'
          ? summaryOf(node)
          : [],
    )
    return lookups.filter(({ by }) => by === 'output')
  }

  function summaryOf(call: Readonly<Record<string, unknown>>): readonly Lookup[] {
    const name = qualifiedName(namesOf(call.funcname))
    return callers.resolve({ ...name, argumentCount: listOf(call.args).length }).flatMap((routine) => {
      let summary = summaries.get(routine.oid)
      if (summary === undefined) {
        const trees = callers.parsed(routine)?.trees ?? []
        summary = walk(trees).flatMap(([type, node]) =>
          type === 'SelectStmt' ? readSelect({ SelectStmt: node }, undefined, routine) : [],
        )
        summaries.set(routine.oid, summary)
      }
      return summary
    })
  }

  function readSelect(tree: unknown, table: Relation | undefined, routine: Routine | undefined): readonly Lookup[] {
    const select = fieldsOf(tree, 'SelectStmt')
    if (select === undefined) return []
    const from = walk(select.fromClause).flatMap(([type, node]) => (type === 'RangeVar' ? sourceOf(node) : []))
    const pairs = walk([select.whereClause, select.fromClause])
      .filter(([type, node]) => type === 'A_Expr' && namesOf(node.name).at(-1) === '=')
      .flatMap(([, node]) => [
        [node.lexpr, node.rexpr],
        [node.rexpr, node.lexpr],
      ])
    const persons = pairs.flatMap(([one, other]) => {
      const place = placeOf(one, from)
      const claim = place === undefined ? undefined : claimOf(other, callers, carrier)
      return place === undefined || claim === undefined ? [] : [{ ...place, claim }]
    })
    return persons.flatMap(({ relation, column: person, claim }): Lookup[] => {
      const inThis = from.filter(([, each]) => each === relation)
      const lookup = (tenant: Column | undefined, by: Lookup['by'] | undefined): Lookup[] =>
        tenant === undefined || tenant === person || by === undefined
          ? []
          : [{ membership: { relation, person, claim, tenant }, by }]
      const targets = listOf(select.targetList)
      const given = targets.length === 1 ? columnOf(fieldsOf(targets[0], 'ResTarget')?.val, inThis) : undefined
      return [
        ...lookup(given, 'output'),
        ...pairs.flatMap(([one, other]) => lookup(columnOf(one, inThis), keyOf(other, from, table, routine))),
      ]
    })
  }

  function sourceOf(node: Readonly<Record<string, unknown>>): [string, Relation][] {
    const named = relations.filter(
      ({ schema, name }) => name === node.relname && (node.schemaname === undefined || schema === node.schemaname),
    )
    const [relation, other] = named
    const alias = isNode(node.alias) ? node.alias.aliasname : node.relname
    return relation === undefined || other !== undefined ? [] : [[String(alias), relation]]
  }
}

function placeOf(
  tree: unknown,
  from: readonly (readonly [string, Relation])[],
): { relation: Relation; column: Column } | undefined {
  for (const source of from) {
    const column = columnOf(tree, [source])
    if (column !== undefined) return { relation: source[1], column }
  }
  return undefined
}

/** The column that a reference names, through casts, among these relations. */
function columnOf(tree: unknown, from: readonly (readonly [string, Relation])[]): Column | undefined {
  const [type, node] = typed(tree) ?? []
  if (type === 'TypeCast') return columnOf(node?.arg, from)
  if (type !== 'ColumnRef') return undefined
  const path = namesOf(node?.fields)
  const qualifier = path.at(-2)
  const [source] = from.filter(
    ([alias, { columns }]) =>
      (qualifier === undefined || alias === qualifier) && columns.some(({ name }) => name === path.at(-1)),
  )
  return source?.[1].columns.find(({ name }) => name === path.at(-1))
}

/** What a tenant column is compared with: a column of the table around, or a parameter of the function. */
function keyOf(
  tree: unknown,
  from: readonly (readonly [string, Relation])[],
  table: Relation | undefined,
  routine: Routine | undefined,
): Lookup['by'] | undefined {
  const [type, node] = typed(tree) ?? []
  if (type === 'TypeCast') return keyOf(node?.arg, from, table, routine)
  if (type === 'ParamRef') return { argument: Number(node?.number ?? 1) - 1 }
  if (placeOf(tree, from) !== undefined) return undefined
  const outer = table === undefined ? undefined : columnOf(tree, [[table.name, table]])
  if (outer !== undefined) return { outer }
  if (type !== 'ColumnRef' || routine === undefined) return undefined
  const argument = routine.argumentNames.indexOf(namesOf(node?.fields).at(-1) ?? '')
  return argument < 0 ? undefined : { argument }
}
