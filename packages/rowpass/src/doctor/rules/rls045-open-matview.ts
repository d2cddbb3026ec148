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
        fix: askWhoReads(model, view),
      }
    }
  },
}

/** What requests read there they read nowhere else: closing it is for whoever knows what is to take its place. */
export function askWhoReads(model: Model, relation: Relation): Fix {
  const from = granteesOf(model, relation)
  if (from.length === 0) return { person: 'The roles of requests own it: give it another owner.' }
  return {
    person:
      `What do requests read it for? ${listed(from)} ${from.length === 1 ? 'loses' : 'lose'} all of it after: ` +
      `revoke all on ${relation.sql} from ${from.join(', ')}`,
  }
}

/** Roles of requests that have a grant on it, and PUBLIC; as SQL. */
export function granteesOf(model: Model, { grants, columns }: Relation): string[] {
  const all = [...grants, ...columns.flatMap((column) => column.grants)]
  const privileges = [...new Set(all.map(({ privilege }) => privilege))]
  return [...new Set(privileges.flatMap((privilege) => model.access.grantees(all, privilege)))]
}
