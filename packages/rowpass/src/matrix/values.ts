/**
 * Values for a new row: those of a row that is there, with keys of its own; for an empty table made up by type.
 */
import { randomBytes, randomInt, randomUUID } from 'node:crypto'
import type { Table, TableColumn } from './table.ts'

/** Values as text, by column. */
export type Values = Readonly<Record<string, string | null>>

/** Names of columns that usually hold the person a row belongs to. */
const ownerColumns = /^(user|owner|author|creator|created_by|profile|member|account|sub|assignee)(_?id|_?uuid)?$/i

/**
 * Gives the row keys that no other row has: in each unique key one column, that is not `fixed` and refers to nothing,
 * gets a new value. A key that has no such column stays as it is.
 */
export function withFreshKeys(table: Table, values: Values, fixed: readonly string[]): Values {
  const referring = new Set(table.references.flatMap(({ columns }) => columns))
  const fresh: Record<string, string | null> = { ...values }
  for (const key of table.keys) {
    if (key.columns.some((name) => fresh[name] !== values[name])) continue
    const column = table.columns.find(
      ({ name, type, generated }) =>
        key.columns.includes(name) && !generated && !fixed.includes(name) && !referring.has(name) && isFree(type),
    )
    if (column !== undefined) fresh[column.name] = freshValue(column, values[column.name] ?? '')
  }
  return fresh
}

/** The row with its person set to this one; undefined where no column holds a person. */
export function withPerson(
  table: Table,
  values: Values,
  sub: string,
  usersOid: number | undefined,
): Values | undefined {
  const refers = new Set(
    table.references
      .filter(({ target, columns }) => target === usersOid && columns.length === 1)
      .flatMap(({ columns }) => columns),
  )
  const columns = table.columns.filter(
    ({ name, type, generated }) => !generated && (refers.has(name) || ownerColumns.test(name)) && fits(type, sub),
  )
  if (columns.length === 0) return undefined
  return { ...values, ...Object.fromEntries(columns.map(({ name }) => [name, sub])) }
}

/** The row with the person as its key, as in a table of profiles; undefined where the key is not one column of that kind. */
export function withPersonAsKey(table: Table, values: Values, sub: string): Values | undefined {
  const [first] = table.keys
  const column = table.columns.find(({ name }) => first?.columns.length === 1 && first.columns[0] === name)
  return column !== undefined && fits(column.type, sub) ? { ...values, [column.name]: sub } : undefined
}

/** A value by type, for a row of an empty table; null where the column takes it. */
export function madeUp({ notNull, category, type, labels, fields }: TableColumn): string | null {
  if (!notNull) return null
  if (category === 'E') return labels?.[0] ?? null
  if (category === 'C') return `(${','.repeat(Math.max(0, fields - 1))})`
  if (category === 'A') return '{}'
  if (category === 'R') return type.endsWith('multirange') ? '{}' : 'empty'
  if (category === 'N') return '1'
  if (category === 'B') return 'false'
  if (category === 'D') return type.startsWith('time ') || type === 'time' ? '00:00' : '2000-01-01'
  if (category === 'T') return '1 day'
  if (category === 'I') return '127.0.0.1'
  if (category === 'V') return '0'
  return byName[type] ?? 'rowpass'
}

const byName: Readonly<Record<string, string>> = {
  uuid: '00000000-0000-4000-8000-000000000000',
  json: '{}',
  jsonb: '{}',
  bytea: '\\x',
  xml: '<rowpass/>',
  point: '(0,0)',
  tsvector: '',
  macaddr: '00:00:00:00:00:00',
}

function isFree(type: string): boolean {
  return /^(uuid|smallint|integer|bigint|numeric|text|citext|character varying|timestamp|date)/.test(type)
}

function fits(type: string, sub: string): boolean {
  if (type === 'uuid') return /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(sub)
  if (/^(smallint|integer|bigint)$/.test(type)) return /^\d{1,9}$/.test(sub)
  return /^(text|citext|character varying)/.test(type)
}

/** A value that no row has, of the column's type. */
export function freshValue({ type, declared }: TableColumn, old: string): string {
  if (type === 'uuid') return randomUUID()
  if (type === 'smallint') return String(randomInt(20_000, 32_767))
  if (/^(integer|bigint|numeric)/.test(type)) return String(randomInt(1_900_000_000, 2_147_483_647))
  if (/^timestamp|^date/.test(type)) return `2${randomInt(100, 999)}-01-01`
  // In front, so that an address stays one.
  const limit = /\((\d+)\)/.exec(declared)?.[1]
  return `${randomBytes(5).toString('hex')}.${old}`.slice(0, limit === undefined ? undefined : Number(limit))
}
