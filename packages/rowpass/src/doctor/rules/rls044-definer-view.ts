/**
 * RLS044: a view reads protected tables with the rights of its owner.
 */

import type { Relation } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { tablesOf } from '../analysis/reading.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls044: Rule = {
  code: 'RLS044',
  slug: 'definer-view',
  level: 'error',
  title: 'A view shows rows of protected tables past their policies',
  why:
    'Without security_invoker a view reads with the rights of its owner, for whom the policies do not hold. With it, the ' +
    'caller needs the grants on the tables. A view that asks who is asking itself stands in for the policies: then it is ' +
    'only worth knowing.',
  *find(model) {
    for (const view of model.catalog.relations.values()) {
      if (view.kind !== 'view' || view.extension || model.access.exposedTo(view).length === 0) continue
      const past = tablesOf(model, view).filter(
        ({ table, as }) => as !== undefined && table.rls && model.access.bypasses(as, table),
      )
      if (past.length === 0) continue
      const views = [...new Set(past.flatMap(({ through }) => through))].filter(({ kind }) => kind === 'view')
      yield {
        object: view.sql,
        says: `${view.sql} shows ${listed([...new Set(past.map(({ table }) => table.sql))])} to ${listed(
          model.access.exposedTo(view).map(({ sql }) => sql),
        )} as ${listed([...new Set(past.map(({ as = 0 }) => model.role(as)))])} sees it.`,
        evidence: `pg_class.reloptions of ${listed(views.map(({ sql }) => sql))} has no security_invoker`,
        level: asksWho(model, view) ? 'info' : 'error',
        fix: asksWho(model, view)
          ? { person: 'It stands in for the policies: see that its condition holds for each table, and keep it.' }
          : { sql: views.map(({ sql }) => `alter view ${sql} set (security_invoker = true)`) },
      }
    }
  },
}

/** Whether the view itself looks at who is asking. */
export function asksWho(model: Model, view: Relation): boolean {
  if (view.definition === undefined) return false
  return model.judge.readsCaller(model.query(view.definition))
}
