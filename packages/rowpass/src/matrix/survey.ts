/**
 * What the connection itself sees before anybody is tried: how many rows are there and whose they are, a row or two to
 * take values from, and the view through which writes are counted.
 */
import pg from 'pg'
import { attempt, isProblem } from '../access/trial.ts'
import type { RowTally, Subject } from './cell.ts'
import type { Table } from './table.ts'
import { madeUp } from './values.ts'

/** A row that is there, as text; columns in the order of the table. */
export interface Sample {
  /** Value of the tenant column; null for a row of no tenant, undefined where the table has no such column. */
  readonly tenant: string | null | undefined
  readonly values: Readonly<Record<string, string | null>>
}

/** What is known of one table. */
export interface Survey {
  readonly table: Table
  readonly tenantColumn: string | undefined
  /** Undefined where the connection cannot see every row. */
  readonly rows: number | undefined
  /** By name of the subject. */
  readonly there: ReadonlyMap<string, RowTally>
  /** The tenants of each subject, as the type of the column spells them. */
  readonly tenants: ReadonlyMap<string, readonly string[]>
  readonly samples: readonly Sample[]
  /** Name of the counting view; undefined where none could be made. */
  readonly view: string | undefined
  readonly notes: readonly string[]
}

/** How a survey is made. */
export interface SurveyOptions {
  readonly subjects: readonly Subject[]
  readonly tenantColumn: string | undefined
  /** Whether FORCE may be lifted for the moment in which the rows are counted, which locks the table. */
  readonly lift: boolean
}

/** Counts the rows of a table and takes samples, as the connection's own role. Leaves nothing behind. */
export async function surveyTable(client: pg.ClientBase, table: Table, options: SurveyOptions): Promise<Survey> {
  const { subjects, tenantColumn } = options
  const tenants = await spellTenants(client, table, options)
  const empty = { table, tenantColumn, rows: undefined, there: new Map(), tenants, samples: [], view: undefined }
  if (table.kind === 'foreign table')
    return { ...empty, notes: ['A foreign table: its rows are on another server, so nothing is tried.'] }
  const lift = table.hidden && options.lift && table.kind !== 'view'
  const read = lift ? `alter table ${table.sql} no force row level security` : 'select'
  const looked = await attempt(client, async () => {
    await client.query(read)
    const counts = await countRows(client, table, { subjects, tenantColumn, tenants })
    return { ...counts, samples: await takeSamples(client, table, tenantColumn, [...tenants.values()].flat()) }
  })
  if (isProblem(looked)) return { ...empty, notes: [`The rows could not be counted: ${looked.message}.`] }
  const made =
    looked.samples.length === 0 && table.columns.length > 0 ? [await makeUpSample(client, table, tenantColumn)] : []
  const sees = !table.hidden || lift
  return {
    ...empty,
    ...looked,
    samples: [...looked.samples, ...made],
    ...(!sees && { rows: undefined, there: new Map() }),
    notes: [
      ...(sees ? [] : ['The connection obeys the policies here, so that it cannot tell how many rows there are.']),
      ...(lift ? ['FORCE was lifted, and the table locked, for the moment in which its rows were counted.'] : []),
    ],
  }
}

/** Spells the tenants of the subjects as the tenant column does; one that its type does not take stays as it is. */
async function spellTenants(
  client: pg.ClientBase,
  table: Table,
  { subjects, tenantColumn }: SurveyOptions,
): Promise<Map<string, string[]>> {
  const type = table.columns.find(({ name }) => name === tenantColumn)?.declared
  const spelled = new Map<string, string[]>()
  for (const { name, tenants } of subjects) {
    const own: string[] = []
    for (const tenant of type === undefined ? [] : tenants) {
      const sql = `select $1::text::${type}::text as text`
      const found = await attempt(client, () => client.query<{ text: string }>(sql, [tenant]))
      own.push((isProblem(found) ? undefined : found.rows[0]?.text) ?? tenant)
    }
    spelled.set(name, own)
  }
  return spelled
}

async function countRows(
  client: pg.ClientBase,
  table: Table,
  options: { subjects: readonly Subject[]; tenantColumn: string | undefined; tenants: ReadonlyMap<string, string[]> },
): Promise<{ rows: number; there: Map<string, RowTally> }> {
  const { subjects, tenantColumn, tenants } = options
  if (tenantColumn === undefined) {
    const { rows } = await client.query<{ n: string }>(`select count(*) as n from ${table.sql}`)
    const all = Number(rows[0]?.n)
    return { rows: all, there: new Map(subjects.map(({ name }) => [name, { any: all }])) }
  }
  const column = pg.escapeIdentifier(tenantColumn)
  const own = subjects.map((_, index) => `count(*) filter (where t = any($${index + 1}::text[]))`)
  const { rows } = await client.query<string[]>({
    text: `select ${['count(*)', 'count(*) - count(t)', ...own].join(', ')} from (select ${column}::text as t from ${table.sql}) s`,
    values: subjects.map(({ name }) => tenants.get(name) ?? []),
    rowMode: 'array',
  })
  const [all = 0, shared = 0, ...mine] = (rows[0] ?? []).map(Number)
  const tally = (index: number): RowTally => {
    const ownRows = mine[index] ?? 0
    return { own: ownRows, other: all - shared - ownRows, shared }
  }
  return { rows: all, there: new Map(subjects.map(({ name }, index) => [name, tally(index)])) }
}

/** A row of each tenant that somebody has, one of another tenant, one of none. */
async function takeSamples(
  client: pg.ClientBase,
  table: Table,
  tenantColumn: string | undefined,
  tenants: readonly string[],
): Promise<Sample[]> {
  const names = table.columns.map(({ name }) => name)
  const list = `array[${names.map((name) => `${pg.escapeIdentifier(name)}::text`).join(', ')}]::text[] as row`
  const column = tenantColumn === undefined ? undefined : pg.escapeIdentifier(tenantColumn)
  const known = [...new Set(tenants)]
  const branches =
    column === undefined
      ? ['true']
      : [
          ...known.map((_, index) => `${column}::text = $${index + 1}`),
          `${column}::text <> all($${known.length + 1}::text[])`,
          `${column} is null`,
        ]
  const { rows } = await client.query<{ row: (string | null)[] }>(
    branches.map((where) => `(select ${list} from ${table.sql} where ${where} limit 1)`).join(' union all '),
    column === undefined ? [] : [...known, known],
  )
  return rows.map(({ row }) => {
    const values = Object.fromEntries(names.map((name, index) => [name, row[index] ?? null]))
    return { tenant: tenantColumn === undefined ? undefined : values[tenantColumn], values }
  })
}

/** A row for a table that has none: values by type, and keys of rows that its foreign keys can refer to. */
async function makeUpSample(client: pg.ClientBase, table: Table, tenantColumn: string | undefined): Promise<Sample> {
  const values: Record<string, string | null> = Object.fromEntries(
    table.columns.map((column) => [column.name, madeUp(column)]),
  )
  for (const { columns, targetName, targetColumns } of table.references) {
    const list = targetColumns.map((name) => `${pg.escapeIdentifier(name)}::text`).join(', ')
    const sql = `select array[${list}] as key from ${targetName} limit 1`
    const found = await attempt(client, () => client.query<{ key: (string | null)[] }>(sql))
    const key = isProblem(found) ? undefined : found.rows[0]?.key
    for (const [index, name] of columns.entries()) values[name] = key?.[index] ?? values[name] ?? null
  }
  // Of no tenant, so that it is taken for nobody's.
  return { tenant: tenantColumn === undefined ? undefined : null, values }
}
