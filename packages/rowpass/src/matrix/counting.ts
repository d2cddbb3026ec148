/**
 * Counts the rows that an UPDATE or DELETE reaches, without touching one of them.
 *
 * A temporary view of the table carries a condition that counts, and that is never true unless a row is picked. A
 * condition that is not leakproof runs after those of the policies (PostgreSQL, "Rules and Privileges"), so what it
 * counts is what the policies let through. Only the view's text names columns: the statement itself reads none, so that
 * the policies of SELECT do not narrow it, as they would not narrow a caller's own `delete from t`.
 */
import pg from 'pg'
import { owners, type RowTally, type Whose, withoutZeros } from './cell.ts'
import type { Table } from './table.ts'

const prefix = 'rowpass_matrix'
const neverPicked = '-'

/**
 * Creates the function that counting falls back to where roles may not call `set_config`.
 * @returns whether it is needed
 */
export async function prepareCounting(client: pg.ClientBase, roles: readonly string[]): Promise<boolean> {
  const { rows } = await client.query<{ open: boolean }>(
    "select bool_and(has_function_privilege(r, 'set_config(text, text, boolean)', 'EXECUTE')) as open from unnest($1::text[]) r",
    [roles],
  )
  if (rows[0]?.open === true) return false
  await client.query(
    `create function pg_temp.${prefix}_set(name text, value text) returns text language sql security definer volatile
       as 'select pg_catalog.set_config($1, $2, true)'`,
  )
  await client.query(`grant execute on function pg_temp.${prefix}_set(text, text) to ${toList(roles)}`)
  return true
}

/** Creates the counting view of a table and lets the roles use it. Its privileges are those of the caller on the table. */
export async function createCountingView(
  client: pg.ClientBase,
  table: Table,
  options: { tenantColumn: string | undefined; roles: readonly string[]; indirect: boolean },
): Promise<string> {
  const { tenantColumn, roles, indirect } = options
  const view = `pg_temp.${prefix}_${table.oid}`
  const column = tenantColumn === undefined ? undefined : `${pg.escapeIdentifier(tenantColumn)}::text`
  const where =
    column === undefined
      ? step('any', indirect)
      : `case when ${column} is null then ${step('shared', indirect)}
              when ${column} = any (pg_catalog.current_setting('${prefix}.tenants')::text[]) then ${step('own', indirect)}
              else ${step('other', indirect)} end`
  await client.query(
    `create temp view ${prefix}_${table.oid} with (security_invoker) as select * from ${table.sql} where ${where}`,
  )
  await client.query(`grant select, insert, update, delete on ${view} to ${toList(roles)}`)
  return view
}

/** The condition that counts rows without a look at whose they are, for a statement on the table itself. */
export const countingCondition = step('any', false)

function step(whose: Whose, indirect: boolean): string {
  const next = `(pg_catalog.current_setting('${prefix}.n_${whose}')::int8 + 1)::text`
  const set = indirect
    ? `pg_temp.${prefix}_set('${prefix}.n_${whose}', ${next})`
    : `pg_catalog.set_config('${prefix}.n_${whose}', ${next}, true)`
  return `${set} = pg_catalog.current_setting('${prefix}.pick_${whose}')`
}

/** Sets the counters to 0 and says which row of which owners is to be picked, if any. For {@link countersSql}. */
export function resetCounters(tenants: readonly string[], pick?: { whose: readonly Whose[]; nth: number }): string {
  const settings: [string, string][] = [['tenants', `{${tenants.map(quoteElement).join(',')}}`]]
  for (const whose of owners) {
    settings.push(
      [`n_${whose}`, '0'],
      [`pick_${whose}`, pick?.whose.includes(whose) === true ? String(pick.nth) : neverPicked],
    )
  }
  return settings.map(([name, value]) => `set local ${prefix}.${name} = ${pg.escapeLiteral(value)}`).join('; ')
}

/** Reads what has been counted since {@link resetCounters}; for {@link toTally}. */
export const countersSql = `select ${owners.map((whose) => `current_setting('${prefix}.n_${whose}') as "${whose}"`).join(', ')}`

/** The row of {@link countersSql}. */
export function toTally({ rows }: pg.QueryResult): RowTally {
  const [row = {}] = rows
  return withoutZeros(Object.fromEntries(owners.map((whose) => [whose, Number(row[whose] ?? 0)])))
}

function quoteElement(text: string): string {
  return `"${text.replaceAll(/["\\]/g, '\\$&')}"`
}

function toList(roles: readonly string[]): string {
  return roles.map((role) => pg.escapeIdentifier(role)).join(', ')
}
