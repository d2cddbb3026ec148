/**
 * RLS073: a publication of protected tables.
 */

import type { Relation } from '../../access/catalog/catalog.ts'
import { isAlwaysTrue } from '../analysis/logic.ts'
import type { Model } from '../analysis/model.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls073: Rule = {
  code: 'RLS073',
  slug: 'published',
  level: 'warning',
  title: 'A publication sends rows of protected tables',
  why:
    'Logical replication sends every row that the publication names; policies do not hold for it. Whoever receives it, such ' +
    'as a service for live updates, must check again who may see what.',
  *find(model) {
    const { catalog, tables } = model
    const guarded = tables.filter((table) => table.rls && !isForAll(model, table))
    for (const { sql, allTables, relations } of catalog.publications) {
      const sent = guarded.filter(({ oid }) => allTables || relations.includes(oid))
      if (sent.length === 0) continue
      yield {
        object: sql,
        says: `${sql} sends ${allTables ? 'all tables' : listed(sent.map((table) => table.sql))}.`,
        evidence: allTables
          ? 'pg_publication.puballtables is true'
          : `pg_publication_rel: ${sent.map((table) => table.sql).join(', ')}`,
        fix: { person: 'Who receives it, and what they do with it, is for a person to know.' },
      }
    }
  },
}

/** Every role of requests reads every row and column of it anyway. */
function isForAll(model: Model, table: Relation): boolean {
  const { apiRoles, canColumn } = model.access
  return apiRoles.every((role) => {
    const policies = model.applying(table, role, 'select')
    return (
      policies.every(({ permissive }) => permissive) &&
      policies.some(({ usingTree }) => usingTree !== undefined && isAlwaysTrue(usingTree.tree, table)) &&
      table.columns.every(({ name }) => canColumn(role, 'select', table, name))
    )
  })
}
