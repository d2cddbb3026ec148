/**
 * RLS002: policies on a table whose row-level security is off.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls002: Rule = {
  code: 'RLS002',
  slug: 'policies-without-rls',
  level: 'error',
  title: 'A table has policies, and row-level security is off',
  why: 'Policies do nothing until ALTER TABLE … ENABLE ROW LEVEL SECURITY. PostgreSQL does not warn of this.',
  *find({ tables, policiesOf }) {
    for (const table of tables) {
      const policies = policiesOf(table)
      if (table.rls || policies.length === 0) continue
      yield {
        object: table.sql,
        says: `${listed(policies.map(({ sql }) => sql))} on ${table.sql} ${policies.length === 1 ? 'has' : 'have'} no effect.`,
        evidence: `pg_class.relrowsecurity of ${table.sql} is false`,
        fix: { sql: [`alter table ${table.sql} enable row level security`] },
      }
    }
  },
}
