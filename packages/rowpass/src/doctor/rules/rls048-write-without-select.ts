/**
 * RLS048: rows may be updated or deleted, and cannot be found.
 */

import type { Command } from '../../access/catalog/catalog.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'

export const rls048: Rule = {
  code: 'RLS048',
  slug: 'write-without-select',
  level: 'warning',
  title: 'A policy for UPDATE or DELETE has no policy for SELECT beside it',
  why:
    'A statement with WHERE or RETURNING reads rows, so the policies for SELECT count too. Without one, it finds no row ' +
    'and changes nothing, without an error.',
  *find(model) {
    for (const table of model.tables) {
      if (!table.rls) continue
      for (const role of model.access.exposedTo(table)) {
        const permissive = (command: Command): boolean =>
          model.access.can(role, command, table) && model.applying(table, role, command).some((each) => each.permissive)
        const blind = (['update', 'delete'] as const).filter(permissive)
        if (blind.length === 0 || permissive('select')) continue
        yield {
          object: table.sql,
          part: role.sql,
          says: `${role.sql} may ${listed(blind)} rows of ${table.sql} and sees none.`,
          evidence: `no policy or no grant for SELECT on ${table.sql} and ${role.sql}`,
          fix: { person: 'Which rows may be read is for a person to say.' },
        }
      }
    }
  },
}
