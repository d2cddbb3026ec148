/**
 * RLS040: policies that read each other's tables.
 */

import type { Relation } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { tablesReadBy } from '../analysis/reading.ts'
import type { Rule } from '../finding.ts'

export const rls040: Rule = {
  code: 'RLS040',
  slug: 'policy-recursion',
  level: 'error',
  title: 'Policies read tables whose policies read the first one again',
  why:
    'PostgreSQL refuses each query with "infinite recursion detected in policy" (42P17), or runs out of stack where a ' +
    'function is on the way. A SECURITY DEFINER function of an owner past policies, with a pinned search_path, breaks it.',
  *find(model) {
    const reported = new Set<number>()
    for (const table of model.tables) {
      const cycle = reported.has(table.oid) ? undefined : findCycle(model, table)
      if (cycle === undefined) continue
      for (const each of cycle) reported.add(each.oid)
      const path = [...cycle, table].map(({ sql }) => sql).join(' → ')
      yield {
        object: table.sql,
        says: `The policies for reading ${table.sql} come back to it.`,
        evidence: path,
        fix: { person: 'Which look-up may be made past policies is for a person to say.' },
      }
    }
  },
}

/** The shortest way from a table back to itself along policies for SELECT. */
function findCycle(model: Model, start: Relation): Relation[] | undefined {
  const queue: Relation[][] = [[start]]
  const seen = new Set<number>()
  for (let path = queue.shift(); path !== undefined; path = queue.shift()) {
    const last = path.at(-1) as Relation // paths are never empty
    for (const next of readsOf(model, last)) {
      if (next.oid === start.oid) return path
      if (seen.has(next.oid)) continue
      seen.add(next.oid)
      queue.push([...path, next])
    }
  }
  return undefined
}

function readsOf(model: Model, table: Relation): Relation[] {
  if (!table.rls) return []
  return model
    .policiesOf(table)
    .filter(({ command }) => command === 'select' || command === 'all')
    .flatMap((policy) => [...tablesReadBy(model, { ...policy, checkTree: undefined })])
}
