/**
 * RLS061: roles of requests may create things in a schema.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls061: Rule = {
  code: 'RLS061',
  slug: 'create-in-schema',
  level: 'error',
  title: 'Requests may create objects in a schema',
  why:
    'A function, an operator or a table of theirs is then found by others, before what was meant, and runs with their ' +
    'rights. Before version 15 PUBLIC had this in the schema public, and an upgrade keeps it.',
  *find({ catalog, access }) {
    for (const schema of catalog.schemas) {
      const roles = access
        .grantees(schema.grants, 'CREATE')
        .filter((name) => name !== catalog.roles.get(schema.owner)?.sql)
      if (roles.length === 0) continue
      yield {
        object: schema.sql,
        says: `${listed(roles)} may create objects in ${schema.sql}.`,
        evidence: `pg_namespace.nspacl of ${schema.sql}`,
        fix: {
          sql: [`revoke create on schema ${schema.sql} from ${roles.join(', ')}`],
          loses: [`${listed(roles)}: CREATE in ${schema.sql}`],
        },
      }
    }
  },
}
