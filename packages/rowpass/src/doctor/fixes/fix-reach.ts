/**
 * What the statements of a fix can make different.
 */
import type { Relation, Routine, Schema, Sequence } from '../../access/catalog/catalog.ts'
import { fieldsOf, isNode, listOf, namesOf } from '../../access/tree.ts'
import { type Model, type PolicyFacts, reachedBy } from '../analysis/model.ts'
import { tablesOf, tablesReadBy } from '../analysis/reading.ts'

/** What a fix names, and what reads it. */
export interface FixReach {
  /** Where statements are run; nowhere, where the catalogs alone tell what a grant changes. */
  readonly relations: readonly Relation[]
  /** Where privileges are asked for: these, or all tables where a membership ends. */
  readonly asked: readonly Relation[]
  readonly routines: readonly Routine[]
  readonly sequences: readonly Sequence[]
  readonly schemas: readonly Schema[]
  /** Whether all was taken that is reached; what would take too long is left out. */
  readonly whole: boolean
}

/** Finds it for each fix of one database. */
export type FixReaches = (statements: readonly string[]) => FixReach

const maxRelations = 12

/** Who reads what is worked out once. */
export function createFixReaches(model: Model): FixReaches {
  const relations = [...model.catalog.relations.values()].filter(({ extension }) => extension === undefined)
  const readers = new Map<Relation, Set<Relation>>()
  const callers = new Map<Routine, Set<Relation>>()
  const add = <Key>(map: Map<Key, Set<Relation>>, key: Key, reader: Relation) =>
    map.set(key, (map.get(key) ?? new Set()).add(reader))
  for (const policy of model.policies) {
    for (const table of tablesReadBy(model, policy)) add(readers, table, policy.table)
    for (const routine of routinesOf(model, policy)) add(callers, routine, policy.table)
  }
  for (const view of relations.filter(({ kind }) => kind === 'view')) {
    for (const { table, through } of tablesOf(model, view)) {
      for (const each of [table, ...through]) if (each !== view) add(readers, each, view)
    }
  }
  for (const { routine: oid, relation } of model.catalog.triggers) {
    const routine = model.catalog.routines.get(oid)
    const table = model.catalog.relations.get(relation)
    if (routine !== undefined && table !== undefined) add(callers, routine, table)
  }

  return (statements) => {
    const trees = statements.map((each) => model.query(each))
    const named = namesIn(trees)
    const routines = [...model.catalog.routines.values()].filter(({ schema, name }) =>
      named.routines.has(`${schema}.${name}`),
    )
    const own = [...named.relations].flatMap((name) => {
      const [schema, relation = ''] = name.split('\0')
      return model.relationNamed({ schema, name: relation }) ?? []
    })
    const parents = own.flatMap((each) => each.parents.flatMap((oid) => model.catalog.relations.get(oid) ?? []))
    const near = [...own, ...parents, ...own.flatMap((each) => [...(readers.get(each) ?? [])])]
    const all = [...new Set([...near, ...routines.flatMap((each) => [...(callers.get(each) ?? [])])])]
    const tried = all.slice(0, maxRelations)
    return {
      relations: trees.every(isPlainGrant) ? [] : tried,
      asked: named.membership ? model.tables : tried,
      routines,
      sequences: model.catalog.sequences.filter(({ sql }) => statements.some((each) => each.includes(` ${sql} `))),
      schemas: model.catalog.schemas.filter(({ name }) => named.schemas.has(name)),
      whole: all.length <= maxRelations,
    }
  }
}

/** GRANT and REVOKE of whole tables, sequences and schemas. A column, or a function of a policy, shows in a statement only. */
function isPlainGrant(tree: unknown): boolean {
  const [statement] = listOf(tree)
  const grant = fieldsOf(statement, 'GrantStmt')
  return (
    grant !== undefined &&
    ['OBJECT_TABLE', 'OBJECT_SEQUENCE', 'OBJECT_SCHEMA'].includes(String(grant.objtype)) &&
    !listOf(grant.privileges).some((each) => fieldsOf(each, 'AccessPriv')?.cols !== undefined)
  )
}

function routinesOf(model: Model, { usingTree, checkTree }: PolicyFacts): Set<Routine> {
  return new Set(
    [usingTree, checkTree].flatMap((each) => (each === undefined ? [] : [...reachedBy(model, each.tree).routines])),
  )
}

interface Names {
  readonly relations: Set<string>
  readonly routines: Set<string>
  readonly schemas: Set<string>
  membership: boolean
}

/** Names of relations and functions, wherever they stand in the trees, and schemas of grants. */
function namesIn(trees: unknown): Names {
  const found: Names = { relations: new Set(), routines: new Set(), schemas: new Set(), membership: false }
  const visit = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(visit)
    if (!isNode(value)) return
    const { schemaname, relname, objname, objtype, objects, granted_roles: granted } = value
    if (granted !== undefined) found.membership = true
    if (typeof relname === 'string' && typeof schemaname === 'string') found.relations.add(`${schemaname}\0${relname}`)
    if (objname !== undefined) found.routines.add(namesOf(objname).join('.'))
    if (objtype === 'OBJECT_SCHEMA') for (const name of namesOf(objects)) found.schemas.add(name)
    Object.values(value).forEach(visit)
  }
  visit(trees)
  return found
}
