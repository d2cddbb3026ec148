/**
 * The SQL that drizzle-kit does not write: FORCE, and exactly the privileges that the policies of a schema need.
 */
import { is } from 'drizzle-orm'
import { getTableConfig, type PgColumn, PgTable } from 'drizzle-orm/pg-core'
import { grantOf, type TableGrant } from './grant.ts'

const breakpoint = '--> statement-breakpoint'
const requestRoles = ['anonymous', 'authenticated']

/** First line of the SQL; by it the newest migration of this kind is found. */
export const grantsMark =
  '-- FORCE and grants, written by "rowpass db grants" from the tables; change those and run it again.'

/**
 * Writes the SQL for every table among the values of a schema.
 *
 * The SQL says all of it anew, so it may run at any time and more than once, and the newest such migration holds.
 * Tables without a policy are forced and granted to nobody.
 *
 * @param schema the tables, such as `import * as schema`; other values are passed over
 * @throws TypeError for a policy that `policies` has not written, as what it needs is not known
 * @example
 * const notes = protectedTable('notes', { userId: uuid('user_id').notNull() }, (t) =>
 *   policies(t, { all: ownedBy(t.userId) }),
 * )
 * console.log(forceAndGrants({ notes }))
 */
export function forceAndGrants(schema: Readonly<Record<string, unknown>>): string {
  const tables = [...new Set(Object.values(schema).filter((value): value is PgTable => is(value, PgTable)))]
  const sections = tables.map(describeTable).sort((a, b) => (a.name < b.name ? -1 : 1))
  const grants = sections.flatMap((section) => section.grants)
  const roles = [...new Set([...requestRoles, ...grants.map(({ role }) => role)])].sort()
  const usages = sections.flatMap(({ schema, grants: own }) =>
    own.map(({ role }) => `grant usage on schema ${quote(schema)} to ${quote(role)};`),
  )
  const statements = [...[...new Set(usages)].sort(), ...sections.flatMap((section) => toStatements(section, roles))]
  return `${grantsMark}\n${statements.join(`${breakpoint}\n`)}\n`
}

interface Section {
  readonly schema: string
  readonly name: string
  readonly grants: readonly TableGrant[]
  readonly columns: readonly PgColumn[]
}

function describeTable(table: PgTable): Section {
  const { schema = 'public', name, policies, columns } = getTableConfig(table)
  const grants = policies
    .filter((policy) => policy.as !== 'restrictive')
    .map((policy) => {
      const grant = grantOf(policy)
      if (grant === undefined) throw new TypeError(`policy ${policy.name} is not written by policies()`)
      return grant
    })
  return { schema, name, grants, columns }
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
