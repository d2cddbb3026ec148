/**
 * Finds out whose columns a statement mentions, by PostgreSQL's rules of scope.
 */
import type { Mention, Scope, ScopeItem, Use } from './usage.ts'

/** Columns of a relation that a statement reads. */
export interface Reads {
  readonly columns: ReadonlySet<string>
  /** Whether a column is read at all; `count(*)` reads none. */
  readonly any: boolean
  /** The same without RETURNING. */
  readonly anyElse: boolean
}

/**
 * Assigns every mention to a use.
 *
 * A name that could be of two relations goes to both: PostgreSQL would call it ambiguous, or one is out of reach. What
 * comes out of a function or a sub-select of unknown columns hides nothing.
 *
 * @param columnsOf the columns of the relation of a use, in their order; undefined when there is no such relation
 */
export function assignColumns(
  uses: readonly Use[],
  mentions: readonly Mention[],
  columnsOf: (use: Use) => readonly string[] | undefined,
): ReadonlyMap<Use, Reads> {
  const found = new Map(uses.map((use) => [use, new Set<string>()]))
  const elsewhere = new Set<Use>(uses.filter((use) => use.readsUnnamed))
  for (const { scope, path, returning } of mentions) {
    for (const [use, names] of resolve(scope, path)) {
      for (const name of names) found.get(use)?.add(name)
      if (returning === undefined && names.length > 0) elsewhere.add(use)
    }
  }
  return new Map(
    [...found].map(([use, columns]) => [
      use,
      { columns, any: columns.size > 0 || use.readsUnnamed, anyElse: elsewhere.has(use) },
    ]),
  )

  function resolve(scope: Scope | undefined, path: readonly string[]): [Use, readonly string[]][] {
    const last = path.at(-1)
    if (scope === undefined || last === undefined) return []
    const qualifier = path.length > 1 ? path.at(-2) : undefined
    const items = scope.items.filter((item) => qualifier === undefined || item.alias === qualifier)
    const matches = items.flatMap((item) => matchOf(item, last, path))
    const closed = qualifier === undefined ? items.some((item) => item.columns?.includes(last)) : items.length > 0
    if (matches.length > 0 || closed || (last === '*' && qualifier === undefined)) return matches
    return resolve(scope.parent, path)
  }

  function matchOf({ use, alias }: ScopeItem, name: string, path: readonly string[]): [Use, readonly string[]][] {
    const columns = use && columnsOf(use)
    if (use === undefined || columns === undefined) return []
    if (name === '*') return [[use, columns]]
    if (columns.includes(name) || systemColumns.has(name)) return [[use, [name]]]
    // `t` alone is the whole row.
    return path.length === 1 && alias === name ? [[use, columns]] : []
  }
}

const systemColumns = new Set(['ctid', 'xmin', 'xmax', 'cmin', 'cmax', 'tableoid'])
