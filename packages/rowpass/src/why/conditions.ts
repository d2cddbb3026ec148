/**
 * Which of a statement's own conditions choose the rows of one relation.
 */
import type { Parser } from '../statement/parser.ts'
import { assignColumns } from './columns.ts'
import type { Reached } from './reach.ts'
import { parseStatement } from './statement.ts'
import { whereConditions } from './text.ts'
import type { Mention, ParsedStatement } from './usage.ts'

/** Conditions for the rows of one relation. */
export interface Conditions {
  readonly sql: readonly string[]
  /** Whether these are all conditions of the statement, and no other relation takes part in choosing rows. */
  readonly exact: boolean
}

/**
 * The conditions of the outermost WHERE that mention no other relation.
 *
 * A relation that is not in the outermost FROM has none: all of its rows are looked at.
 */
export function conditionsFor(
  statement: ParsedStatement,
  sql: string,
  { use, relation, via }: Reached,
  parser: Parser,
): Conditions {
  const { scope, tree } = statement
  const all = whereConditions(sql, tree, parser)
  const isIn = via.length === 0 && scope.items.some((item) => item.use === use)
  if (!isIn || all === undefined) return { sql: [], exact: false }
  const own = all.filter(mentionsOnlyThis)
  return { sql: own, exact: use.outermost && scope.items.length === 1 && own.length === all.length }

  function mentionsOnlyThis(condition: string): boolean {
    try {
      const part = parseStatement(`select where (${condition}\n)`, parser)
      // The condition stands where it stood: in the scope of the whole statement.
      part.scope.items.push(...scope.items)
      const columns = relation.columns.map(({ name }) => name)
      const isThis = (mention: Mention) =>
        assignColumns([use], [mention], (each) => (each === use ? columns : undefined)).get(use)?.any === true
      return part.mentions.filter(({ scope: where }) => where === part.scope).every(isThis)
    } catch {
      return false
    }
  }
}
