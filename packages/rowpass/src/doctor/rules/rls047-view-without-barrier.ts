/**
 * RLS047: a view that stands in for policies, without security_barrier.
 */
import type { Rule } from '../finding.ts'
import { asksWho } from './rls044-definer-view.ts'

export const rls047: Rule = {
  code: 'RLS047',
  slug: 'view-without-barrier',
  level: 'warning',
  title: 'A view that filters by who is asking has no security_barrier',
  why:
    'Without it PostgreSQL may run conditions of the caller\u2019s query before those of the view: an error or a notice in ' +
    'them shows rows that the view hides.',
  *find(model) {
    for (const view of model.catalog.relations.values()) {
      if (view.kind !== 'view' || view.securityInvoker || view.securityBarrier || view.extension) continue
      if (model.access.exposedTo(view).length === 0 || !asksWho(model, view)) continue
      yield {
        object: view.sql,
        says: `${view.sql} decides who sees what, and conditions of a query may run before it does.`,
        evidence: `pg_class.reloptions of ${view.sql} has no security_barrier`,
        fix: { sql: [`alter view ${view.sql} set (security_barrier = true)`] },
      }
    }
  },
}
