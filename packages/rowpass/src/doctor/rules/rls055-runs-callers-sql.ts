/**
 * RLS055: a SECURITY DEFINER function runs SQL that its caller has a hand in.
 */
import type { Routine } from '../../access/catalog/catalog.ts'
import { isTextType } from '../analysis/flow.ts'
import type { Model } from '../analysis/model.ts'
import { executionsOf } from '../analysis/sinks.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { callersOf, definers, tablesSetOffBy } from './rls050-unpinned-search-path.ts'

export const rls055: Rule = {
  code: 'RLS055',
  slug: 'runs-callers-sql',
  level: 'error',
  title: 'A SECURITY DEFINER function runs SQL that its caller writes',
  why:
    'A text argument that becomes part of a statement is SQL of the caller’s choice, with the rights of the owner: past ' +
    'policies, grants and claims. Quotes around %s are no help, as the argument may hold quotes. Values belong into USING, ' +
    'names into format with %I. A function that runs its argument as a whole is for nobody but administrators.',
  *find(model) {
    for (const [routine, roles] of definers(model)) {
      const open = executionsOf(model, routine).map((each) => ({
        ...each,
        sources: writable(model, routine, each.sources),
      }))
      const found = open.filter(({ sources }) => sources.length > 0)
      const [first] = found
      if (first === undefined) continue
      const names = [...new Set(found.flatMap(({ sources }) => sources))]
      yield {
        object: routine.sql,
        says: `${callersOf(roles)} can run any SQL as ${model.role(routine.owner)}, by ${listed(names)} of ${routine.sql}.`,
        evidence: `pg_proc.prosecdef of ${routine.sql} is true; ${first.text}`,
        fix: {
          person: 'Give values by USING and names by format with %I, or take EXECUTE from the roles of requests.',
        },
      }
    }
  },
}

/** Of the columns of a trigger’s row those of texts that requests may write. */
function writable(model: Model, routine: Routine, sources: ReadonlySet<string>): string[] {
  if (routine.returns !== 'trigger') return [...sources]
  const { apiRoles, canColumn } = model.access
  return [...sources].filter((source) => {
    const name = source.replace(/^new\./, '')
    return tablesSetOffBy(model, routine).some(
      (table) =>
        table.columns.some((column) => column.name === name && isTextType(column.type)) &&
        apiRoles.some((role) =>
          (['insert', 'update'] as const).some((command) => canColumn(role, command, table, name)),
        ),
    )
  })
}
