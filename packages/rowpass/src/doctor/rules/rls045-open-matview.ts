/**
 * RLS045: a materialized view of protected tables that requests can read.
 */

import type { Relation } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { tablesOf } from '../analysis/reading.ts'
import { listed } from '../analysis/words.ts'
import type { Fix, Rule } from '../finding.ts'

export const rls045: Rule = {
  code: 'RLS045',
  slug: 'open-matview',
  level: 'error',
  title: 'A materialized view holds rows of protected tables, and requests can read it',
  why:
    'It holds what its owner saw when it was refreshed, and it cannot have policies. Let requests read it through a ' +
    'view or a function that asks who is asking.',
  *find(model) {
    for (const view of model.catalog.relations.values()) {
      if (view.kind !== 'materialized view' || view.extension || model.access.exposedTo(view).length === 0) continue
      const tables = tablesOf(model, view).filter(({ table }) => table.rls)
      if (tables.length === 0) continue
      yield {
        object: view.sql,
        says: `${view.sql} holds rows of ${listed([...new Set(tables.map(({ table }) => table.sql))])}.`,
        evidence: `pg_class.relkind of ${view.sql} is m`,
        fix: takeAll(model, view),
      }
    }
  },
}

/** Takes every grant of the roles of requests, PUBLIC's too. */
export function takeAll(model: Model, { sql, grants, columns }: Relation): Fix {
  const all = [...grants, ...columns.flatMap((column) => column.grants)]
  const privileges = [...new Set(all.map(({ privilege }) => privilege))]
  const from = [...new Set(privileges.flatMap((privilege) => model.access.grantees(all, privilege)))]
  return from.length === 0
    ? { person: 'The roles of requests own it: give it another owner.' }
    : { sql: [`revoke all on ${sql} from ${from.join(', ')}`] }
}
