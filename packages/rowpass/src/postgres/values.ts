/**
 * Values between JSON and PostgreSQL's text format, both ways. Pure functions.
 * @see https://www.postgresql.org/docs/current/arrays.html#ARRAYS-IO
 */
import { Failure } from '../errors.ts'
import type { ToJson } from './result.ts'

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

const booleanOid = 16
const numberOids: ReadonlySet<number> = new Set([21, 23, 700, 701])
const jsonOids: ReadonlySet<number> = new Set([114, 3802])
/** `int2vector` and `oidvector`: arrays in the catalog, but printed as numbers with a space between. */
const vectorOids: ReadonlySet<number> = new Set([22, 30])

const asString: ToJson = (text) => JSON.stringify(text)
const asBoolean: ToJson = (text) => (text === 't' ? 'true' : 'false')
const asNumber: ToJson = (text) => (/^-?\d/.test(text) ? text : JSON.stringify(text))
const asVector: ToJson = (text) => `[${text.split(' ').filter(Boolean).join(',')}]`

/**
 * Returns the converter from a type's text output to JSON.
 *
 * Booleans, `int2`, `int4`, `float4`, `float8`, JSON and arrays become JSON values, all else JSON strings (`int8` and
 * `numeric` do not fit a double). `NaN` and infinities are strings.
 */
export function toJsonConverter(oid: number, findType: FindType): ToJson {
  if (oid === booleanOid) return asBoolean
  if (numberOids.has(oid)) return asNumber
  if (jsonOids.has(oid)) return (text) => text
  if (vectorOids.has(oid)) return asVector
  const array = findType(oid)
  if (array === undefined) return asString
  const element = toJsonConverter(array.elementOid, findType)
  return (text) => arrayToJson(text, array.delimiter, element)
}

/** Array text to JSON, nested as it is; a bounds prefix such as `[0:1]=` is dropped. */
function arrayToJson(text: string, delimiter: string, element: ToJson): string {
  let at = text.startsWith('[') ? text.indexOf('=') + 1 : 0

  function value(): string {
    if (text[at] === '{') return list()
    if (text[at] === '"') return element(quoted())
    const start = at
    while (at < text.length && text[at] !== delimiter && text[at] !== '}') at += text[at] === '\\' ? 2 : 1
    const bare = text.slice(start, at)
    return bare === 'NULL' ? 'null' : element(bare.replace(/\\(.)/gs, '$1'))
  }

  function list(): string {
    const items: string[] = []
    at++
    while (at < text.length && text[at] !== '}') {
      items.push(value())
      if (text[at] === delimiter) at++
    }
    at++
    return `[${items.join(',')}]`
  }

  function quoted(): string {
    let content = ''
    at++
    while (at < text.length && text[at] !== '"') {
      if (text[at] === '\\') at++
      content += text[at++]
    }
    at++
    return content
  }

  return value()
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
