/**
 * Which column of a table says whose row it is, and which claim says whose rows are one's own. Nothing is guessed in
 * silence: what was chosen, and why, is in the notes.
 */
import type { Relation } from '../access/catalog/catalog.ts'
import { type ComparedColumn, claimValue } from '../access/claims.ts'
import type { Database } from '../access/database.ts'
import type { MembershipUse, MemberTable } from '../access/memberships.ts'
import { Failure } from '../errors.ts'
import type { Table } from './table.ts'

/** Usual names of the claim and of the column, the likelier first. */
const usualNames = [
  'tenant_id',
  'tenant',
  'org_id',
  'organization_id',
  'organisation_id',
  'company_id',
  'workspace_id',
  'team_id',
  'account_id',
  'customer_id',
]

/** What the caller says of tenants. */
export interface TenancyOptions {
  /** `column`, or `table.column`, or `schema.table.column`; those with a table win over those without. */
  readonly tenantColumns?: readonly string[]
  /** A claim, or a path such as `app_metadata.tenant_id`. */
  readonly tenantClaim?: string
}

/** The tenant column of each table, by oid, and how they were found. */
export interface Tenancy {
  readonly columns: ReadonlyMap<number, string>
  readonly notes: readonly string[]
}

/**
 * Finds the tenant columns: those that are named, else those that policies look up in a table of members, else the usual
 * name that most tables have; what it refers to, and whatever else refers to that.
 *
 * @throws Failure `input_invalid` when a named column is in no table
 */
export function findTenancy(
  tables: readonly Table[],
  { tenantColumns = [] }: TenancyOptions,
  memberships: readonly MembershipUse[] = [],
): Tenancy {
  if (tenantColumns.length > 0) return fromNames(tables, tenantColumns)
  const [most] = mostUsed(memberships)
  if (most !== undefined) return fromMemberships(tables, memberships, most)
  const counted = usualNames.map((name) => ({ name, count: tables.filter((table) => has(table, name)).length }))
  const best = counted.reduce((a, b) => (b.count > a.count ? b : a))
  if (best.count === 0) {
    return {
      columns: new Map(),
      notes: ['No tenant column was found: cross-tenant access is not told. Name one with --tenant-column.'],
    }
  }
  const columns = new Map(tables.filter((table) => has(table, best.name)).map(({ oid }) => [oid, best.name]))
  const home = findHome(tables, columns)
  if (home !== undefined) addRelated(tables, columns, home)
  const says = `Tenant column: ${best.name}, found by its name in ${count(best.count)}`
  return {
    columns,
    notes: [home === undefined ? `${says}.` : `${says}; the tenants are in ${home.table.sql} (${home.column}).`],
  }
}

/**
 * The memberships that say whose rows are whose: none where policies compare columns of more tables with claims of their
 * own, none of a table that has persons of its own (its rows are theirs, or shared with others), and none by which only
 * rows themselves are shared, by their key.
 */
export function tenantMemberships(
  { catalog }: Pick<Database, 'catalog'>,
  memberships: readonly MembershipUse[],
  compared: readonly ComparedColumn[],
): readonly MembershipUse[] {
  const uses = memberships.filter(
    ({ relation, membership }) =>
      !compared.some((each) => each.relation === relation && each.claim === membership.claim),
  )
  const isKey = ({ relation, column }: MembershipUse) =>
    catalog.indexes.some(
      ({ relation: oid, primary, key }) => primary && oid === relation.oid && key.join() === String(column.number),
    )
  const claimed = compared.filter(({ claim }) => !uses.some(({ membership }) => membership.claim === claim))
  const tables = (list: readonly { readonly relation: Relation }[]) =>
    new Set(list.map(({ relation }) => relation)).size
  return uses.every(isKey) || tables(claimed) >= tables(uses) ? [] : uses
}

/** Tables of members, that which most columns are looked up in first. */
export function mostUsed(memberships: readonly MembershipUse[]): readonly MemberTable[] {
  const uses = ({ relation, tenant }: MemberTable) =>
    memberships.filter(({ membership: each }) => each.relation === relation && each.tenant === tenant).length
  return memberships.map(({ membership }) => membership).toSorted((a, b) => uses(b) - uses(a))
}

function fromMemberships(
  tables: readonly Table[],
  memberships: readonly MembershipUse[],
  { relation, person, claim, tenant }: MemberTable,
): Tenancy {
  const columns = new Map([[relation.oid, tenant.name]])
  for (const { relation: each, column, membership } of memberships)
    if (membership.relation === relation && membership.tenant === tenant) columns.set(each.oid, column.name)
  const home = findHome(tables, columns)
  if (home !== undefined) addRelated(tables, columns, home)
  const says = `Tenants: what somebody is a member of by ${relation.sql}, where ${person.name} is the claim ${claim} and ${tenant.name} the tenant`
  return {
    columns,
    notes: [home === undefined ? `${says}.` : `${says}; the tenants are in ${home.table.sql} (${home.column}).`],
  }
}

/** Reads the tenant of claims: the named claim, else the first usual name that is there. Lists are taken as they are. */
export function tenantsOf(claims: Readonly<Record<string, unknown>>, claim: string | undefined): string[] {
  const names = claim === undefined ? [...usualNames, ...usualNames.map((name) => `app_metadata.${name}`)] : [claim]
  for (const name of names) {
    const value = claimValue(claims, name)
    if (Array.isArray(value)) return value.filter((each) => each !== null).map(String)
    if (typeof value === 'string' || typeof value === 'number') return [String(value)]
  }
  return []
}

function has({ columns }: Table, name: string): boolean {
  return columns.some((column) => column.name === name)
}

function count(tables: number): string {
  return tables === 1 ? '1 table' : `${tables} tables`
}

function fromNames(tables: readonly Table[], names: readonly string[]): Tenancy {
  const columns = new Map<number, string>()
  // Those with a table come last, and so replace the others.
  for (const name of names.toSorted((a, b) => a.split('.').length - b.split('.').length)) {
    const found = tables.filter((table) => has(table, columnOf(table, name) ?? ''))
    if (found.length === 0) throw new Failure('input_invalid', { detail: `no table has the tenant column ${name}` })
    for (const table of found) columns.set(table.oid, columnOf(table, name) ?? '')
  }
  return { columns, notes: [`Tenant column: ${names.join(', ')}, as named.`] }
}

function columnOf({ schema, name: table }: Table, name: string): string | undefined {
  const prefix = [`${schema}.${table}.`, `${table}.`].find((each) => name.startsWith(each))
  if (prefix !== undefined) return name.slice(prefix.length)
  return name.includes('.') ? undefined : name
}

interface Home {
  readonly table: Table
  readonly column: string
}

/** Where the tenants themselves are: what the tenant columns refer to most. */
function findHome(tables: readonly Table[], columns: ReadonlyMap<number, string>): Home | undefined {
  const votes = new Map<string, { home: Home; count: number }>()
  for (const table of tables) {
    for (const reference of table.references) {
      if (reference.columns.length !== 1 || reference.columns[0] !== columns.get(table.oid)) continue
      const target = tables.find(({ oid }) => oid === reference.target)
      const [column] = reference.targetColumns
      if (target === undefined || column === undefined) continue
      const key = `${target.oid} ${column}`
      votes.set(key, { home: { table: target, column }, count: (votes.get(key)?.count ?? 0) + 1 })
    }
  }
  return [...votes.values()].toSorted((a, b) => b.count - a.count)[0]?.home
}

function addRelated(tables: readonly Table[], columns: Map<number, string>, home: Home): void {
  if (!columns.has(home.table.oid)) columns.set(home.table.oid, home.column)
  for (const table of tables) {
    if (columns.has(table.oid)) continue
    const [reference, more] = table.references.filter(
      (each) => each.target === home.table.oid && each.columns.length === 1,
    )
    const [column] = reference?.columns ?? []
    if (column !== undefined && more === undefined) columns.set(table.oid, column)
  }
}
