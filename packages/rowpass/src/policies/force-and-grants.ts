/**
 * The SQL that drizzle-kit does not write: FORCE, and exactly the privileges that the policies of a schema need.
 */
import { is } from 'drizzle-orm'
import { getTableConfig, type PgColumn, type PgPolicy, PgTable } from 'drizzle-orm/pg-core'
import { grantOf, type TableGrant } from './grant.ts'

const breakpoint = '--> statement-breakpoint'
const requestRoles = ['anonymous', 'authenticated']

/** First line of the SQL; by it the newest migration of this kind is found. */
export const grantsMark =
  '-- FORCE and grants, written by "rowpass db grants" from the tables; change those and run it again.'

/** What to leave out. */
export interface ForceAndGrantsOptions {
  /**
   * Tables that somebody else looks after, by `name` or `schema.name`: no FORCE, no privilege is given or taken back.
   * Default none.
   */
  readonly except?: readonly string[]
}

/**
 * Writes the SQL for every table among the values of a schema.
 *
 * The SQL says all of it anew, so it may run at any time and more than once, and the newest such migration holds.
 * Tables without a policy are forced and granted to nobody.
 *
 * @param schema the tables, such as `import * as schema`; other values are passed over
 * @throws TypeError for tables with a policy that `policies` has not written, such as Drizzle's `pgPolicy` or Neon's
 *   `crudPolicy`, as what it needs is not known; names all of them. For a name in `except` that no table has
 * @example
 * const notes = protectedTable('notes', { userId: uuid('user_id').notNull() }, (t) =>
 *   policies(t, { all: ownedBy(t.userId) }),
 * )
 * console.log(forceAndGrants({ notes }))
 */
export function forceAndGrants(
  schema: Readonly<Record<string, unknown>>,
  { except = [] }: ForceAndGrantsOptions = {},
): string {
  const tables = [...new Set(Object.values(schema).filter((value): value is PgTable => is(value, PgTable)))]
  const left = tables.filter((table) => namesOf(table).some((name) => except.includes(name)))
  const missing = except.find((name) => !left.some((table) => namesOf(table).includes(name)))
  if (missing !== undefined) throw new TypeError(`no table has the name ${missing}`)
  const kept = tables.filter((table) => !left.includes(table))
  refuseForeignPolicies(kept)
  const sections = kept.map(describeTable).sort((a, b) => (a.name < b.name ? -1 : 1))
  const grants = sections.flatMap((section) => section.grants)
  const roles = [...new Set([...requestRoles, ...grants.map(({ role }) => role)])].sort()
  const usages = sections.flatMap(({ schema, grants: own }) =>
    own.map(({ role }) => `grant usage on schema ${quote(schema)} to ${quote(role)};`),
  )
  const statements = [...[...new Set(usages)].sort(), ...sections.flatMap((section) => toStatements(section, roles))]
  const notes = left.map((table) => `-- ${namesOf(table)[1]} is left alone.\n`).sort()
  return `${grantsMark}\n${notes.join('')}${statements.join(`${breakpoint}\n`)}\n`
}

interface Section {
  readonly schema: string
  readonly name: string
  readonly grants: readonly TableGrant[]
  readonly columns: readonly PgColumn[]
}

/** `name` and `schema.name`. */
function namesOf(table: PgTable): readonly [string, string] {
  const { schema = 'public', name } = getTableConfig(table)
  return [name, `${schema}.${name}`]
}

function refuseForeignPolicies(tables: readonly PgTable[]): void {
  const foreign = tables.flatMap((table) => {
    const names = giving(table).flatMap((policy) => (grantOf(policy) === undefined ? [policy.name] : []))
    return names.length === 0 ? [] : [`${namesOf(table)[0]} has ${names.join(', ')}`]
  })
  if (foreign.length === 0) return
  throw new TypeError(
    `which privileges a policy needs is known only where policies() has written it: ${foreign.join('; ')}`,
  )
}

/** The policies that let rows through. */
function giving(table: PgTable): PgPolicy[] {
  return getTableConfig(table).policies.filter((policy) => policy.as !== 'restrictive')
}

function describeTable(table: PgTable): Section {
  const { schema = 'public', name, columns } = getTableConfig(table)
  return { schema, name, grants: giving(table).flatMap((policy) => grantOf(policy) ?? []), columns }
}

function toStatements({ schema, name, grants, columns }: Section, roles: readonly string[]): string[] {
  const table = `${quote(schema)}.${quote(name)}`
  return [
    `alter table ${table} force row level security;`,
    // Default privileges may have granted more when the table was made. This takes back the grants of columns, too.
    `revoke all on ${table} from public, ${roles.map(quote).join(', ')};`,
    ...merge(grants).map(({ role, command, columns: named }) => {
      const list = named === undefined ? '' : ` (${named.map(quote).join(', ')})`
      return `grant ${command}${list} on ${table} to ${quote(role)};`
    }),
    ...sequenceGrants({ schema, name, grants, columns }),
  ]
}

/** One grant for each command and role; columns that several policies name are granted together. */
function merge(grants: readonly TableGrant[]): TableGrant[] {
  const merged = new Map<string, TableGrant>()
  for (const { role, command, columns } of grants) {
    const key = `${command} ${role}`
    const before = merged.get(key)
    const both = before?.columns && columns ? [...new Set([...before.columns, ...columns])] : undefined
    merged.set(key, { role, command, columns: before === undefined ? columns : both })
  }
  return [...merged.values()].filter(({ columns }) => columns === undefined || columns.length > 0)
}

/** A serial column takes its value from a sequence in the caller's name; an identity column does not. */
function sequenceGrants({ schema, name, grants, columns }: Section): string[] {
  const roles = [...new Set(grants.filter(({ command }) => command === 'insert').map(({ role }) => role))]
  return columns
    .filter(({ columnType }) => /Serial/.test(columnType))
    .flatMap((column) => {
      const sequence = `${quote(schema)}.${quote(`${name}_${column.name}_seq`)}`
      return roles.map((role) => `grant usage on sequence ${sequence} to ${quote(role)};`)
    })
}

function quote(name: string): string {
  return `"${name.replaceAll('"', '""')}"`
}
