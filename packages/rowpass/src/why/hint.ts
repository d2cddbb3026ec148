/**
 * An explanation in a line: for an answer of an API in development. Holds names of relations and policies, and numbers;
 * never a value.
 */
import type { Explanation, Reason } from './explanation.ts'

/** What there is to say. */
export interface Hint {
  /** A sentence or two. */
  readonly hint: string
  /** Short, for a header: `users: 11 rows hidden by users_select`. */
  readonly summary: string
}

/** @returns undefined when nothing stands in the way, or the explanation does not agree with what happened */
export function hintOf({ findings, relations, complete, outcome }: Explanation): Hint | undefined {
  if (!complete) return undefined
  const wanted = findings.filter(({ code }) => told.has(code))
  const decisive = wanted.filter(({ refuses }) => refuses === (outcome?.problem !== undefined))
  const shown = decisive.length > 0 ? decisive : wanted
  if (shown.length === 0) return undefined
  const hidden = relations.flatMap(({ name, steps }) =>
    steps
      .filter(({ failure }) => failure === 'hides')
      .flatMap(({ blame }) => blame.map(({ policies, rows }) => hiddenBy(name, rows, policies))),
  )
  const codes = shown.map(({ code }) => code.replaceAll('_', ' '))
  const short = outcome?.problem === undefined && hidden.length > 0 ? hidden : codes
  return { hint: shown.map(({ says }) => says).join(' '), summary: [...new Set(short)].join('; ') }
}

const told: ReadonlySet<Reason['code']> = new Set([
  'schema_closed',
  'grant_missing',
  'no_policy',
  'rows_hidden',
  'no_rows',
  'row_refused',
  'select_policy_refuses',
  'policy_recursion',
  'inner_policy',
  'trigger_passes_over',
])

function hiddenBy(name: string, rows: number, policies: readonly string[]): string {
  const by = policies.length > 0 ? `hidden by ${policies.join(' and ')}` : 'hidden: no policy'
  return `${name.replace(/^public\./, '')}: ${rows} ${rows === 1 ? 'row' : 'rows'} ${by}`
}
