/**
 * SELECT: counts the rows that an identity sees, and tells whose they are.
 */
import pg from 'pg'
import { asFailure, toLiteral, tryOnce } from './attempt.ts'
import { type Cell, type RowTally, withoutZeros } from './cell.ts'
import { atLeast, explain, ownTenants, type Trial, toCell, verdictOfFailure, verdictOn } from './trial.ts'

/**
 * Tries SELECT on the whole table.
 *
 * Where the role may not read the tenant column, only the number of rows is known. What goes beyond the rows of the own
 * tenant that are there is then certain to be others', the rest is of nobody that could be told.
 */
export async function trySelect(trial: Trial): Promise<Cell> {
  const { client, survey, grants } = trial
  const { table, tenantColumn } = survey
  const told = tenantColumn !== undefined && grants.select.includes(tenantColumn)
  const column = told ? `${pg.escapeIdentifier(tenantColumn)}::text` : undefined
  const counts = (tenants: string) =>
    column === undefined
      ? 'count(*) as seen'
      : `count(*) as seen, count(${column}) as tenants, count(*) filter (where ${column} = any (${tenants}::text[])) as own`
  const counted = await tryOnce<number[]>(
    client,
    {
      sql: `select ${counts('$1')} from ${table.sql}`,
      run: `select ${counts(toLiteral(toArray(ownTenants(trial))))} from ${table.sql}`,
      says: 'count the rows that are seen',
    },
    ({ rows }) => {
      const numbers = Object.values(rows[0] ?? {}).map(Number)
      return { rows: numbers[0] ?? 0, value: numbers }
    },
  )
  const { attempt: tried, value } = asFailure(counted)
  const attempts = [tried]
  if (value === undefined) {
    const verdict = verdictOfFailure(tried, grants.usage && grants.select.length > 0)
    return toCell(trial, 'select', { verdict, attempts, notes: verdict === 'grant' ? [] : [explain(tried)] })
  }
  const [all = 0, ofTenants = 0, own = 0] = value
  const reached: RowTally = withoutZeros(
    told
      ? { own, other: ofTenants - own, shared: all - ofTenants }
      : tenantColumn === undefined
        ? { any: all }
        : atLeast(trial, all),
  )
  const note = 'The role may not read the tenant column: whose rows these are is told from their number alone.'
  return toCell(trial, 'select', {
    verdict: verdictOn(trial, reached),
    reached,
    attempts,
    notes: tenantColumn !== undefined && !told && all > 0 ? [note] : [],
  })
}

function toArray(values: readonly string[]): string {
  return `{${values.map((value) => `"${value.replaceAll(/["\\]/g, '\\$&')}"`).join(',')}}`
}
