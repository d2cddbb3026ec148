/**
 * Parameters from JSON to PostgreSQL's text format, and the types that results need. Pure functions; the way back is
 * `cells.ts`.
 * @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
import { Failure } from '../errors.ts'

/** What the converter needs to know of a type. */
export interface TypeFacts {
  /** OID of the element type, for arrays. */
  readonly elementOid: number
  /** `pg_type.typdelim` of the element type. */
  readonly delimiter: string
}

/** Looks up a type that is not built in; `undefined` for one that is no array. */
export type FindType = (oid: number) => TypeFacts | undefined

/**
 * Writes a JSON parameter in PostgreSQL's text format.
 *
 * Strings stay as they are, numbers, booleans and objects become JSON text, arrays become array literals.
 * @returns null for SQL NULL
 * @throws Failure `request_invalid` for an array of more dimensions than PostgreSQL has
 */
export function toParameter(value: unknown): string | null {
  if (value === null || value === undefined) return null
  if (typeof value === 'string') return value
  return Array.isArray(value) ? toArrayLiteral(value, 1) : JSON.stringify(value)
}

/** PostgreSQL's own limit, MAXDIM. */
const maxDimensions = 6

function toArrayLiteral(values: readonly unknown[], dimension: number): string {
  if (dimension > maxDimensions) {
    throw new Failure('request_invalid', { detail: `an array parameter has at most ${maxDimensions} dimensions` })
  }
  return `{${values.map((value) => toArrayElement(value, dimension)).join(',')}}`
}

function toArrayElement(value: unknown, dimension: number): string {
  if (value === null || value === undefined) return 'NULL'
  if (typeof value === 'number' || typeof value === 'boolean') return String(value)
  if (Array.isArray(value)) return toArrayLiteral(value, dimension + 1)
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  // Inside quotes a backslash takes the next character as it is: JSON's escapes (\n, \t, \u00e9) would lose theirs.
  return `"${text.replace(/["\\]/g, '\\$&')}"`
}

/** Finds the array types of a database that a result can name; for {@link parseTypeFacts}. */
export const arrayTypesSql = `
  select a.oid::int8::text as oid, e.oid::int8::text as element_oid, e.typdelim::text as delimiter
    from pg_catalog.pg_type a
    join pg_catalog.pg_type e on e.typarray = a.oid`

/** Builds the look-up from the rows of {@link arrayTypesSql}. */
export function parseTypeFacts(
  rows: readonly { readonly oid: string; readonly element_oid: string; readonly delimiter: string }[],
): Map<number, TypeFacts> {
  return new Map(
    rows.map((row) => [Number(row.oid), { elementOid: Number(row.element_oid), delimiter: row.delimiter }]),
  )
}
