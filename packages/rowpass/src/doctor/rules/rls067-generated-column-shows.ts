/**
 * RLS067: a generated column shows what a column is closed for.
 */
import { fieldsOf, namesOf, walk } from '../../access/tree.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls067: Rule = {
  code: 'RLS067',
  slug: 'generated-column-shows',
  level: 'warning',
  title: 'A generated column is granted, and one that it is made of is not',
  why: 'Reading the generated column is reading what it is made of: lower(email) is the email.',
  *find(model) {
    for (const table of model.tables) {
      for (const column of table.columns) {
        if (column.generated === undefined || column.expression === undefined) continue
        const sources = new Set(
          [...walk(model.parse(column.expression, table)?.tree)].flatMap(([type, node]) =>
            type === 'ColumnRef' ? namesOf(fieldsOf({ ColumnRef: node }, 'ColumnRef')?.fields).slice(-1) : [],
          ),
        )
        const can = (name: string) => (role: (typeof model.access.apiRoles)[number]) =>
          model.access.canColumn(role, 'select', table, name)
        const roles = model.access.apiRoles.filter(
          (role) => can(column.name)(role) && [...sources].some((source) => !can(source)(role)),
        )
        if (roles.length === 0) continue
        yield {
          object: table.sql,
          part: column.sql,
          says: `${column.sql} of ${table.sql} is made of ${listed([...sources])}, which ${listed(roles.map(({ sql }) => sql))} may not read.`,
          evidence: `${column.sql} generated always as (${column.expression})`,
          fix:
            column.grants.length > 0
              ? {
                  sql: [`revoke select (${column.sql}) on ${table.sql} from ${roles.map(({ sql }) => sql).join(', ')}`],
                  loses: [`${listed(roles.map(({ sql }) => sql))}: ${column.sql} of ${table.sql}`],
                }
              : { person: 'Grant SELECT by column without it.' },
        }
      }
    }
  },
}
