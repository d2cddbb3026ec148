/**
 * RLS062: tables of the future are open before they have policies.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls062: Rule = {
  code: 'RLS062',
  slug: 'default-privileges',
  level: 'warning',
  title: 'Default privileges give new tables or sequences to requests',
  why:
    'Each table that is made from now on is open to them from its first moment, with row-level security off until somebody ' +
    'enables it. Grant table by table, next to its policies.',
  *find({ catalog, access }) {
    for (const { owner, schema, objects, grants } of catalog.defaultPrivileges) {
      if (objects !== 'tables' && objects !== 'sequences') continue
      const privileges = [...new Set(grants.map(({ privilege }) => privilege))]
      const roles = [...new Set(privileges.flatMap((privilege) => access.grantees(grants, privilege)))]
      const name = catalog.roles.get(owner)?.sql ?? String(owner)
      if (roles.length === 0) continue
      const where = schema === undefined ? '' : ` in schema ${schema}`
      yield {
        object: schema ?? 'database',
        part: `${name}:${objects}`,
        says: `New ${objects} of ${name}${where} are given to ${listed(roles)}.`,
        evidence: `pg_default_acl of ${name}${where}`,
        fix: {
          sql: [`alter default privileges for role ${name}${where} revoke all on ${objects} from ${roles.join(', ')}`],
          loses: [`${listed(roles)}: ${objects} that ${name} makes from now on${where}; migrations have to grant them`],
        },
      }
    }
  },
}
