/**
 * RLS081: sessions that begin with row_security off.
 */
import type { Rule } from '../finding.ts'

export const rls081: Rule = {
  code: 'RLS081',
  slug: 'row-security-off',
  level: 'warning',
  title: 'Sessions of a role begin with row_security off',
  why:
    'It does not lift policies: a query that a policy would filter fails with 42501 instead. It is meant for dumps, which ' +
    'must be whole or fail.',
  *find({ catalog, access }) {
    const api = new Set(access.apiRoles.map(({ oid }) => oid))
    for (const { role: oid, here, setting } of catalog.roleSettings) {
      const role = catalog.roles.get(oid)
      const serves =
        oid === 0 || api.has(oid) || [...(role?.becomes ?? []), ...(role?.inherits ?? [])].some((each) => api.has(each))
      if (!/^row_security=(off|false|no|0)$/i.test(setting) || !serves || role?.superuser || role?.bypassRls) continue
      const who = oid === 0 ? 'all' : (role?.sql ?? String(oid))
      const target =
        oid === 0 && here
          ? `database ${catalog.database.sql}`
          : `role ${who}${here ? ` in database ${catalog.database.sql}` : ''}`
      yield {
        object: who,
        says: `Queries of ${oid === 0 ? 'everybody' : who} fail where a policy would filter rows.`,
        evidence: `pg_db_role_setting: ${setting}`,
        fix: { sql: [`alter ${target} reset row_security`] },
      }
    }
  },
}
