/**
 * RLS004: the owner of a table logs in, and policies do not hold for it.
 */
import type { Rule } from '../finding.ts'

export const rls004: Rule = {
  code: 'RLS004',
  slug: 'force-missing',
  level: 'warning',
  title: 'Policies do not hold for the owner of a table, who can log in',
  why:
    'An application that connects as the owner sees every row, and so do views and SECURITY DEFINER functions of the ' +
    'owner. FORCE ROW LEVEL SECURITY makes policies hold for the owner too. Superusers and BYPASSRLS roles stay exempt.',
  *find({ tables, catalog, access }) {
    for (const table of tables) {
      const owner = catalog.roles.get(table.owner)
      if (!table.rls || table.force || owner === undefined || access.exposedTo(table).length === 0) continue
      if (!owner.login || owner.superuser || owner.bypassRls) continue
      yield {
        object: table.sql,
        says: `The login ${owner.sql} owns ${table.sql}, and its policies do not hold for it.`,
        evidence: `pg_class.relforcerowsecurity of ${table.sql} is false; pg_roles.rolcanlogin of ${owner.sql} is true`,
        fix: { sql: [`alter table ${table.sql} force row level security`] },
      }
    }
  },
}
