/**
 * RLS069: rows may be inserted, and the sequence that numbers them may not be used.
 */
import type { Relation, Role, Sequence } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls069: Rule = {
  code: 'RLS069',
  slug: 'serial-without-usage',
  level: 'warning',
  title: 'INSERT is granted, and the sequence of a serial column is not',
  why:
    'The default of the column calls nextval with the rights of whoever inserts, so each INSERT without a value for it ends in ' +
    '"permission denied for sequence" (42501). USAGE is enough. An identity column needs no grant.',
  *find(model) {
    const sequences = new Map(model.catalog.sequences.map((each) => [each.oid, each]))
    for (const table of model.tables) {
      for (const column of table.columns) {
        if (column.identity !== undefined || column.generated !== undefined) continue
        for (const sequence of column.sequences.flatMap((oid) => sequences.get(oid) ?? [])) {
          const roles = model.access
            .exposedTo(table)
            .filter((role) => inserts(model, table, role) && !model.access.advances(role, sequence))
          if (roles.length === 0) continue
          const names = roles.map(({ sql }) => sql)
          yield {
            object: table.sql,
            part: column.sql,
            says: `${listed(names)} may insert into ${table.sql}, and may not use ${sequence.sql}, which numbers ${column.sql}.`,
            evidence: `default of ${column.sql}: ${column.expression}; pg_class.relacl of ${sequence.sql}`,
            fix: { sql: [grantOf(sequence, names)] },
          }
        }
      }
    }
  },
}

/** Whether it could insert a row, but for the sequence. */
function inserts({ access, applying }: Model, table: Relation, role: Role): boolean {
  if (!access.can(role, 'insert', table)) return false
  return (
    !table.rls ||
    access.bypasses(role.oid, table) ||
    applying(table, role, 'insert').some(({ permissive }) => permissive)
  )
}

function grantOf({ sql }: Sequence, names: readonly string[]): string {
  return `grant usage on sequence ${sql} to ${names.join(', ')}`
}
