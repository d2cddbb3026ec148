/**
 * The tables that a matrix covers, as the connection and the roles of the identities meet them.
 */
import type { Access } from '../access/access.ts'
import {
  type Catalog,
  type Column,
  type Command,
  commands,
  type Index,
  isTable,
  type Policy,
  type ReferentialAction,
  type Relation,
  type Role,
} from '../access/catalog/catalog.ts'
import { policiesFor } from '../access/policies.ts'
import type { TableMatrix } from './cell.ts'

/** A column, in the order of the table. */
export interface TableColumn extends Column {
  /** The sequence that is advanced when no value is given. */
  readonly sequence: string | undefined
}

/** A unique key or primary key, by the names of its columns. */
export interface Key {
  readonly columns: readonly string[]
  /** Checked with the row, not at the end of the statement or later. */
  readonly immediate: boolean
}

/** A foreign key of the table, by the names of its columns. */
export interface Reference {
  readonly columns: readonly string[]
  readonly target: number
  readonly targetName: string
  readonly targetColumns: readonly string[]
}

/** A foreign key that points to the table, or to what a statement on it can reach. */
export interface Referrer {
  readonly name: string
  readonly columns: readonly string[]
  readonly onDelete: ReferentialAction
  readonly onUpdate: ReferentialAction
}

/** What one role may do. */
export interface Grants {
  readonly role: string
  readonly usage: boolean
  readonly select: readonly string[]
  readonly insert: readonly string[]
  readonly update: readonly string[]
  readonly delete: boolean
  /** Policies that hold for the role. */
  readonly policies: Readonly<Record<Command, readonly Policy[]>>
}

/** A table or view. */
export interface Table extends Omit<Relation, 'columns' | 'grants'> {
  readonly columns: readonly TableColumn[]
  readonly rowSecurity: TableMatrix['rowSecurity']
  /** Whether policies hold for this connection as well. */
  readonly hidden: boolean
  readonly keys: readonly Key[]
  readonly references: readonly Reference[]
  readonly referrers: readonly Referrer[]
  /** Names of columns that some policy of it names. */
  readonly decisive: ReadonlySet<string>
  readonly grants: readonly Grants[]
  /** As the catalogs have it. */
  readonly relation: Relation
}

/** What to cover. */
export interface TableChoice {
  /** Roles of the identities; a schema counts when one of them has USAGE on it. */
  readonly roles: readonly Role[]
  readonly schemas?: readonly string[]
  /** `table` or `schema.table`, as they are spelled in the catalog. */
  readonly tables?: readonly string[]
}

/**
 * All tables, views and materialized views of the schemas that some role may use, ordered by name. Leaves out those of
 * extensions and, as they are tried through their parent, partitions that no role has a privilege on.
 */
export function chooseTables(catalog: Catalog, access: Access, { roles, schemas, tables }: TableChoice): Table[] {
  const reach = createReach(catalog)
  return [...catalog.relations.values()]
    .filter(
      (each) =>
        each.extension === undefined &&
        roles.some((role) => access.usesSchema(role, each.schema)) &&
        (schemas?.includes(each.schema) ?? true) &&
        (tables === undefined || tables.includes(each.name) || tables.includes(`${each.schema}.${each.name}`)) &&
        (!each.partition || roles.some((role) => commands.some((command) => access.can(role, command, each)))),
    )
    .map((each) => describe(catalog, access, { relation: each, reach: reach(each), roles }))
}

/** The grants of one role on a table; a role that was not asked for has none. */
export function grantsOf(table: Table, role: string): Grants {
  const policies = { select: [], insert: [], update: [], delete: [] }
  const none = { role, usage: false, select: [], insert: [], update: [], delete: false, policies }
  return table.grants.find((grants) => grants.role === role) ?? none
}

/** What a statement can reach: the relation, its partitions and children, and what it is a view of. */
function createReach(catalog: Catalog): (relation: Relation) => readonly Relation[] {
  const children = new Map<number, number[]>()
  for (const { oid, parents } of catalog.relations.values())
    for (const parent of parents) children.set(parent, [...(children.get(parent) ?? []), oid])
  const visit = (relation: Relation, found: Set<Relation>): void => {
    if (found.has(relation)) return
    found.add(relation)
    for (const oid of [...(children.get(relation.oid) ?? []), ...relation.sources.map((each) => each.relation)]) {
      const next = catalog.relations.get(oid)
      if (next !== undefined) visit(next, found)
    }
  }
  return (relation) => {
    const found = new Set<Relation>()
    visit(relation, found)
    return [...found]
  }
}

function describe(
  catalog: Catalog,
  access: Access,
  { relation, reach, roles }: { relation: Relation; reach: readonly Relation[]; roles: readonly Role[] },
): Table {
  const { oid, rls, force, kind } = relation
  const policies = catalog.policies.filter((policy) => policy.relation === oid)
  const reader = catalog.roles.get(catalog.database.reader)
  const hides = (each: Relation) => each.rls && isTable(each) && (!reader || access.bypass(reader, each) === undefined)
  const decisive = new Set(policies.flatMap(({ columns }) => columns))
  return {
    ...relation,
    relation,
    columns: relation.columns.map((column) => ({ ...column, sequence: sequenceOf(catalog, column) })),
    rowSecurity: !rls ? 'off' : force ? 'forced' : 'on',
    hidden: kind === 'view' ? reach.some(hides) : hides(relation),
    keys: catalog.indexes
      .filter((index) => index.relation === oid && isKey(index))
      .toSorted((a, b) => Number(b.primary) - Number(a.primary))
      .map(toKey),
    references: referencesOf(catalog, oid),
    referrers: referrersOf(catalog, reach),
    decisive: new Set(namesOf(relation, [...decisive])),
    grants: roles.map((role) => toGrants(access, role, relation, policies)),
  }

  function toKey({ key, immediate }: Index): Key {
    return { columns: namesOf(relation, key), immediate }
  }
}

function sequenceOf(catalog: Catalog, column: Column): string | undefined {
  const oid = column.identitySequence ?? column.sequences[0]
  const isNumbered = column.identity !== undefined || column.expression?.includes('nextval(') === true
  if (!isNumbered || column.generated !== undefined) return undefined
  return catalog.sequences.find((sequence) => sequence.oid === oid)?.sql ?? 'a sequence'
}

function isKey({ unique, valid, predicate, key }: Index): boolean {
  return unique && valid && predicate === undefined && !key.includes(0)
}

function referencesOf(catalog: Catalog, oid: number): Reference[] {
  return catalog.foreignKeys.flatMap(({ relation, columns, target, targetColumns }) => {
    const [table, targetTable] = [catalog.relations.get(relation), catalog.relations.get(target)]
    if (relation !== oid || table === undefined || targetTable === undefined) return []
    const names = { columns: namesOf(table, columns), targetColumns: namesOf(targetTable, targetColumns) }
    return [{ ...names, target, targetName: targetTable.sql }]
  })
}

function referrersOf(catalog: Catalog, reach: readonly Relation[]): Referrer[] {
  return catalog.foreignKeys.flatMap(({ relation, target, targetColumns, onDelete, onUpdate }) => {
    const table = reach.find(({ oid }) => oid === target)
    const name = catalog.relations.get(relation)?.sql
    if (table === undefined || name === undefined) return []
    return [{ name, columns: namesOf(table, targetColumns), onDelete, onUpdate }]
  })
}

/** In the order of the numbers, as the columns of two keys belong to each other. */
function namesOf({ columns }: Relation, numbers: readonly number[]): string[] {
  return numbers.flatMap((number) => columns.find((column) => column.number === number)?.name ?? [])
}

function toGrants(access: Access, role: Role, relation: Relation, policies: readonly Policy[]): Grants {
  const named = (command: 'select' | 'insert' | 'update') =>
    relation.columns.filter((column) => access.onColumn(role, command, relation, column)).map(({ name }) => name)
  return {
    role: role.name,
    usage: access.usesSchema(role, relation.schema),
    select: named('select'),
    insert: named('insert'),
    update: named('update'),
    delete: access.onTable(role, 'delete', relation),
    policies: {
      select: policiesFor(policies, access, role, 'select'),
      insert: policiesFor(policies, access, role, 'insert'),
      update: policiesFor(policies, access, role, 'update'),
      delete: policiesFor(policies, access, role, 'delete'),
    },
  }
}
