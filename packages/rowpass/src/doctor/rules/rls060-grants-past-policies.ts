/**
 * RLS060: grants that policies do not hold for.
 */
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls060: Rule = {
  code: 'RLS060',
  slug: 'grants-past-policies',
  level: 'error',
  title: 'A grant that no policy holds for: TRUNCATE, REFERENCES, TRIGGER, MAINTAIN',
  why:
    'TRUNCATE empties the table for everybody. REFERENCES lets hidden values be found out by foreign keys, TRIGGER runs ' +
    'code when others write, MAINTAIN locks the table. Requests need none of them; GRANT ALL gives all.',
  *find({ catalog, access }) {
    for (const relation of catalog.relations.values()) {
      if (relation.extension || (relation.kind !== 'table' && relation.kind !== 'partitioned table')) continue
      const found = ['TRUNCATE', 'REFERENCES', 'TRIGGER', 'MAINTAIN'].flatMap((privilege) => {
        const all = [...relation.grants, ...relation.columns.flatMap(({ grants }) => grants)]
        const roles = access.grantees(all, privilege).filter((name) => name !== catalog.roles.get(relation.owner)?.sql)
        return roles.length === 0 ? [] : [{ privilege, roles }]
      })
      if (found.length === 0) continue
      const harmful = found.some(({ privilege }) => privilege === 'TRUNCATE')
      yield {
        object: relation.sql,
        says: `${found.map(({ privilege, roles }) => `${privilege} for ${listed(roles)}`).join('; ')} on ${relation.sql}.`,
        evidence: `pg_class.relacl of ${relation.sql}`,
        level: harmful ? 'error' : 'warning',
        fix: {
          sql: found.map(
            ({ privilege, roles }) => `revoke ${privilege.toLowerCase()} on ${relation.sql} from ${roles.join(', ')}`,
          ),
          loses: found.map(({ privilege, roles }) => `${listed(roles)}: ${privilege} on ${relation.sql}`),
        },
      }
    }
  },
}
