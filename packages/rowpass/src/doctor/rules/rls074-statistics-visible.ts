/**
 * RLS074: numbers of rows are no secret to SQL.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls074: Rule = {
  code: 'RLS074',
  slug: 'statistics-visible',
  level: 'info',
  title: 'Whoever may send SQL can read how many rows protected tables have',
  why:
    'pg_class.reltuples, pg_stat_user_tables and pg_relation_size are open to every role and tell of all rows. It matters ' +
    'where requests carry SQL of their own; the gateway of Rowpass closes statistics to them.',
  *find({ tables, access }) {
    const guarded = tables.filter(({ rls }) => rls)
    if (guarded.length === 0 || access.apiRoles.length === 0) return
    yield {
      object: 'database',
      says: `${listed(access.apiRoles.map(({ sql }) => sql))} can read the sizes of ${guarded.length} protected tables.`,
      evidence: 'select relname, reltuples from pg_class',
      fix: { person: 'Taking rights on system catalogs breaks tools; let requests send no SQL of their own.' },
    }
  },
}
