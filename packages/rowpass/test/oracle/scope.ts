/**
 * What an expression can name, and the dice of the generator.
 */
import type { Catalog } from './catalog.ts'
import type { Identity, Schema } from './schema.ts'
import { type Leaf, type Tree, typed } from './tree.ts'

/** Something in FROM. */
export interface Source {
  readonly alias: string
  readonly columns: readonly SourceColumn[]
  /** Columns that tell all of its rows apart, or equal rows only. */
  readonly key: readonly string[]
  /** The table whose rows these are, if they are. */
  readonly table: string | undefined
  /** Whether the statement changes it. */
  readonly target: boolean
}

export interface SourceColumn {
  readonly name: string
  readonly type: string
  readonly samples: readonly string[]
}

/** Sources that are in sight, the nearest last. */
export type Scope = readonly Source[]

/** A query that is known by its columns. */
export interface Named {
  readonly name: string
  readonly columns: readonly SourceColumn[]
}

/** The generator's state for one statement. */
export interface Draw {
  readonly schema: Schema
  /** Who is going to ask. */
  readonly identity: Identity
  readonly catalog: Catalog
  /** A number below the limit. */
  readonly below: (limit: number) => number
  /** Common table expressions in sight. */
  readonly ctes: readonly Named[]
  names: number
}

export const pick = <T>({ below }: Draw, list: readonly T[]): T => list[below(list.length)] as T
/** Whether an event of so many in a hundred happens. */
export const chance = ({ below }: Draw, percent: number): boolean => below(100) < percent
/** A name that the statement does not have yet. */
export const fresh = (draw: Draw, letter: string): string => `${letter}${++draw.names}`
export const several = <T>(draw: Draw, min: number, max: number, make: () => T): T[] =>
  Array.from({ length: min + draw.below(max - min + 1) }, make)

/**
 * Types of which equal values are written alike. Of others (`1.0` and `1.00`, `1 mon` and `30 days`) it is chance which one
 * of several equal values a DISTINCT keeps.
 */
const exact = new Set(
  'bool int2 int4 int8 text date time timestamp uuid bytea int4range inet _int4 _text _bool bit'.split(' '),
)

export const isExact = (draw: Draw, type: string): boolean =>
  exact.has(type) || (!inexact.has(type) && isOwn(draw, type))
const inexact = new Set('float8 numeric interval jsonb _numeric tsvector tsquery jsonpath none'.split(' '))
const isOwn = ({ schema }: Draw, type: string): boolean =>
  schema.tables.some(({ columns }) => columns.some((column) => column.type === type))

/** A column of a source, as an expression. */
export function columnOf(source: Source, { name, type }: SourceColumn): Tree {
  const text = `${source.alias}.${name}`
  if (source.table === undefined) return typed(type, { pieces: [text] })
  const leaf: Leaf = { kind: 'column', table: source.table, column: name, target: source.target }
  return typed(type, { pieces: [leaf, text] })
}

/** Expressions that put all rows of some sources in one order, but for equal ones. */
export function orderOf(sources: Scope): Tree[] {
  return sources.flatMap((source) =>
    source.columns.filter(({ name }) => source.key.includes(name)).map((column) => columnOf(source, column)),
  )
}
