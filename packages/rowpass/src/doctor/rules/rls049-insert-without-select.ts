/**
 * RLS049: rows may be inserted, and RETURNING fails.
 */
import type { Rule } from '../finding.ts'

export const rls049: Rule = {
  code: 'RLS049',
  slug: 'insert-without-select',
  level: 'info',
  title: 'A policy for INSERT has no policy for SELECT beside it',
  why:
    'INSERT … RETURNING and ON CONFLICT read the row, and fail with 42501 where no policy for SELECT shows it. Right for a ' +
    'mailbox that nobody reads; most libraries send RETURNING unasked.',
  *find(model) {
    for (const table of model.tables) {
      if (!table.rls) continue
      for (const role of model.access.exposedTo(table)) {
        const has = (command: 'insert' | 'select'): boolean =>
          model.access.can(role, command, table) && model.applying(table, role, command).some((each) => each.permissive)
        if (!has('insert') || has('select')) continue
        yield {
          object: table.sql,
          part: role.sql,
          says: `${role.sql} may insert into ${table.sql} and not read what it has inserted.`,
          evidence: `no policy or no grant for SELECT on ${table.sql} and ${role.sql}`,
          fix: { person: 'Whether the writer may read the row is for a person to say.' },
        }
      }
    }
  },
}
