/**
 * The statements by which an isolation suite tries a table, made of rows that people of the suite see.
 */
import type { TestedColumn, TestedTable } from './tested-tables.ts'

/** A row as text, by the quoted names of its columns. */
export type SampleRow = Readonly<Record<string, string | null>>

const maxValues = 4

/** A statement to try. */
export interface SuiteAttempt {
  readonly statement: string
  readonly before: SuitePreparation
}

/**
 * What is done first, so that the policies alone decide: nothing; `granted`, the roles get every privilege on the table;
 * `freed`, and the foreign keys that refer to it are gone.
 */
export type SuitePreparation = 'nothing' | 'granted' | 'freed'

/**
 * Reads: all rows. Changes: each column alone, and those that policies read to the values of each sample, in a statement
 * that reads nothing, so that the policies for SELECT do not hide what those for UPDATE let through. Deletes: all rows, and
 * each sample. Inserts: copies of the samples with the columns that somebody may give, and once with all. What policies
 * are to decide is tried a second time with every privilege granted.
 */
export function attemptsFor({ name, columns, freeing }: TestedTable, samples: readonly SampleRow[]): SuiteAttempt[] {
  const read = `select from ${name}`
  const updates = (list: readonly TestedColumn[]): string[] =>
    list.flatMap((column) => valuesOf(column, samples).map((value) => `update ${name} set ${column.name} = ${value}`))
  const inserts = unique(samples.flatMap((sample) => insertsOf(name, columns, sample)))
  const whole = samples.slice(0, 1).map((sample) => insertOf(name, columns, sample))
  const remove = `delete from ${name}`
  const deletes = unique(samples.flatMap((sample) => deleteOf(name, columns, sample)))
  const plain = columns.filter(({ isKey, isTrusted }) => !isKey && !isTrusted).slice(0, 1)
  const trusted = columns.filter(({ isTrusted }) => isTrusted)
  const as = (before: SuitePreparation, ...statements: string[]): SuiteAttempt[] =>
    statements.map((statement) => ({ statement, before }))
  return [
    ...as('nothing', read, ...updates(columns), ...inserts, ...whole, remove, ...deletes),
    ...as('granted', read, ...updates([...plain, ...trusted]), ...inserts),
    ...as(freeing.length > 0 ? 'freed' : 'granted', remove),
  ]
}

function valuesOf(column: TestedColumn, samples: readonly SampleRow[]): string[] {
  const values = unique(samples.map((sample) => toLiteral(sample[column.name])))
  return values.slice(0, column.isTrusted ? maxValues : 1)
}

function insertsOf(table: string, columns: readonly TestedColumn[], sample: SampleRow): string[] {
  const given = columns.filter(({ isInsertable }) => isInsertable)
  const usual = given.filter(({ isKey, hasDefault }) => !(isKey && hasDefault))
  // A key that policies read is what says whose the row is.
  const lists = given.some(({ isKey, isTrusted }) => isKey && isTrusted) ? [usual, given] : [usual]
  return lists.filter((list) => list.length > 0).map((list) => insertOf(table, list, sample))
}

function insertOf(table: string, columns: readonly TestedColumn[], sample: SampleRow): string {
  const values = columns.map(({ name, isText, isUnique, isKey }) => {
    const value = sample[name] ?? null
    return toLiteral(isText && isUnique && !isKey && value !== null ? `copy.${value}` : value)
  })
  return `insert into ${table} (${columns.map(({ name }) => name).join(', ')}) values (${values.join(', ')})`
}

function deleteOf(table: string, columns: readonly TestedColumn[], sample: SampleRow): string[] {
  const key = columns.filter(({ isKey }) => isKey)
  if (key.length === 0) return []
  return [`delete from ${table} where ${key.map(({ name }) => `${name} = ${toLiteral(sample[name])}`).join(' and ')}`]
}

/** Of unknown type, so that PostgreSQL reads it as the column's. */
function toLiteral(value: string | null | undefined): string {
  if (value === null || value === undefined) return 'null'
  const quoted = `'${value.replaceAll("'", "''").replaceAll('\\', '\\\\')}'`
  return value.includes('\\') ? `e${quoted}` : quoted
}

function unique(values: readonly string[]): string[] {
  return [...new Set(values)]
}
