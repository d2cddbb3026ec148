/**
 * Rows for tables that have none: made from what their policies compare, for the time in which somebody tries, so that an
 * empty table tells what its policies do. They are rolled back with that trial, and said to be made wherever they count.
 */
import pg from 'pg'
import { type ComparedColumn, claimValue } from '../access/claims.ts'
import { attempt, isProblem } from '../access/trial.ts'
import { toLiteral } from './attempt.ts'
import type { RowTally, Subject, Whose } from './cell.ts'
import type { FiredTrigger } from './effects.ts'
import type { Sample, Survey } from './survey.ts'
import type { Table } from './table.ts'
import { freshValue, madeUp, type Values, withFreshKeys } from './values.ts'

/** A table without rows, and the rows that are to be in it. */
export interface EmptyTable {
  readonly survey: Survey
  readonly rows: readonly Values[]
}

/** What came of making rows. */
export interface MadeRows {
  /** The survey as it is with them. */
  readonly survey: Survey
  /** How many there are; with none, why. */
  readonly count: number
  readonly problem: string | undefined
}

/** Rows are made for so many identities, and one more that is of nobody's. */
const maxPeople = 4
/** A row may refer to one that a later table has. */
const maxRounds = 3

/** What rows are made of. */
export interface MakingOptions {
  readonly subjects: readonly Subject[]
  readonly compared: readonly ComparedColumn[]
  /** Constants that policies compare columns of a table with. */
  constantsOf(table: Table): ReadonlyMap<string, string | null | undefined>
  triggersOf(table: Table): readonly FiredTrigger[]
}

/**
 * Plans a row for each identity by what policies compare with its claims and tenants, and one for somebody else. None where
 * a trigger speaks against it.
 */
export function planRows(survey: Survey, options: MakingOptions): EmptyTable | undefined {
  const { table, rows, tenantColumn, tenants, samples } = survey
  const [sample] = samples
  const isTable = table.kind === 'table' || table.kind === 'partitioned table'
  const fired = options.triggersOf(table).filter(({ commands }) => commands.includes('insert'))
  if (rows !== 0 || sample === undefined || !isTable || table.rules) return undefined
  if (fired.some(({ against }) => against !== undefined)) return undefined
  const own = options.compared.filter(({ relation }) => relation.oid === table.oid)
  const fixed = [...own.map(({ column }) => column.name), ...(tenantColumn === undefined ? [] : [tenantColumn])]
  const constants = [...options.constantsOf(table)].map(([name, value]) => {
    const column = table.columns.find((each) => each.name === name)
    const made = value === undefined && column !== undefined ? madeUp({ ...column, notNull: true }) : (value ?? null)
    return [name, made] as const
  })
  const base: Values = { ...sample.values, ...Object.fromEntries(constants) }
  const people = options.subjects.filter(({ claims }) => Object.keys(claims).length > 0).slice(0, maxPeople)
  const ofPeople = people.map((subject): Values => {
    const [tenant] = tenants.get(subject.name) ?? []
    const claimed = own.flatMap(({ column, claim }) => {
      const value = claimValue(subject.claims, claim)
      return value === undefined || value === null
        ? []
        : [[column.name, typeof value === 'string' ? value : JSON.stringify(value)] as const]
    })
    const placed = tenantColumn === undefined || tenant === undefined ? {} : { [tenantColumn]: tenant }
    return { ...base, ...Object.fromEntries(claimed), ...placed }
  })
  const strange = table.columns
    .filter(({ name }) => fixed.includes(name))
    .map((column) => [column.name, freshValue(column, '')])
  const stranger: Values = { ...base, ...Object.fromEntries(strange) }
  return {
    survey,
    rows: [...ofPeople, stranger].map((values, index) => withSmallKeys(table, values, { fixed, index })),
  }
}

/** Keys of their own; as no row is there, numbers can be small, which suits what is computed of them. */
function withSmallKeys(
  table: Table,
  values: Values,
  { fixed, index }: { fixed: readonly string[]; index: number },
): Values {
  const fresh = withFreshKeys(table, values, fixed)
  const small = table.columns
    .filter(({ name, type }) => fresh[name] !== values[name] && /^(integer|bigint|numeric)/.test(type))
    .map(({ name }) => [name, String(index + 1)])
  return { ...fresh, ...Object.fromEntries(small) }
}

/**
 * Makes the rows as the connection's own role, in the transaction that is open. Where FORCE holds for that role it is lifted
 * meanwhile, which locks the table, an empty one, until the savepoint around is rolled back.
 */
export async function makeRows(
  client: pg.ClientBase,
  tables: readonly EmptyTable[],
): Promise<ReadonlyMap<Survey, MadeRows>> {
  const made = new Map<Survey, MadeRows>()
  let left = tables
  for (let round = 0; round < maxRounds && left.length > 0; round++) {
    for (const each of left) made.set(each.survey, await fill(client, each))
    left = left.filter(({ survey }) => made.get(survey)?.count === 0)
  }
  return made
}

async function fill(client: pg.ClientBase, { survey, rows }: EmptyTable): Promise<MadeRows> {
  const { table } = survey
  const columns = table.columns.filter(({ generated }) => !generated)
  const names = columns.map(({ name }) => pg.escapeIdentifier(name)).join(', ')
  const referred = await referredKeys(client, table)
  const samples: Sample[] = []
  let problem: string | undefined
  const force = async (word: string) => {
    if (table.hidden)
      await attempt(client, () => client.query(`alter table ${table.sql} ${word} row level security`), { keep: true })
  }
  await force('no force')
  for (const values of rows) {
    // A key of nobody's is none that a row can refer to.
    const given: Values = { ...values, ...withoutOwn(referred, values, survey) }
    const list = columns.map(({ name }) => toLiteral(given[name] ?? null)).join(', ')
    const sql = `insert into ${table.sql} (${names}) overriding system value values (${list})`
    const done = await attempt(client, () => client.query(sql), { keep: true })
    if (isProblem(done)) problem ??= done.message
    else if (done.rowCount === 1)
      samples.push({
        tenant: survey.tenantColumn === undefined ? undefined : given[survey.tenantColumn],
        values: given,
      })
  }
  await force('force')
  if (samples.length === 0) return { survey, count: 0, problem: problem ?? 'a trigger takes them out' }
  const there = new Map([...survey.tenants].map(([name, own]) => [name, tallyOf(samples, own)]))
  return { survey: { ...survey, rows: samples.length, samples, there }, count: samples.length, problem: undefined }
}

/** Keys of rows that its foreign keys can refer to now, by column. */
async function referredKeys(client: pg.ClientBase, table: Table): Promise<Values> {
  const found: Record<string, string | null> = {}
  for (const { columns, targetName, targetColumns } of table.references) {
    const list = targetColumns.map((name) => `${pg.escapeIdentifier(name)}::text`).join(', ')
    const sql = `select array[${list}] as key from ${targetName} limit 1`
    const read = await attempt(client, () => client.query<{ key: (string | null)[] }>(sql))
    const key = isProblem(read) ? undefined : read.rows[0]?.key
    for (const [index, name] of columns.entries()) if (key !== undefined) found[name] = key[index] ?? null
  }
  return found
}

/** What a row refers to, but for what says whose it is. */
function withoutOwn(referred: Values, values: Values, { tenantColumn }: Survey): Values {
  return Object.fromEntries(
    Object.entries(referred).filter(
      ([name]) => name !== tenantColumn || values[name] === null || values[name] === undefined,
    ),
  )
}

function tallyOf(samples: readonly Sample[], own: readonly string[]): RowTally {
  const tally: Partial<Record<Whose, number>> = {}
  for (const { tenant } of samples) {
    const whose = tenant === undefined ? 'any' : tenant === null ? 'shared' : own.includes(tenant) ? 'own' : 'other'
    tally[whose] = (tally[whose] ?? 0) + 1
  }
  return tally
}
