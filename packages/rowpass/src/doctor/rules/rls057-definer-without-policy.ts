/**
 * RLS057: a SECURITY DEFINER function works as a role that policies hold for, and none is for it.
 */
import type { Command } from '../../access/catalog/catalog.ts'
import type { Model } from '../analysis/model.ts'
import { tablesOfRoutine, type UsedTable } from '../analysis/reading.ts'
import { listed } from '../analysis/words.ts'
import type { Rule } from '../finding.ts'
import { definers } from './rls050-unpinned-search-path.ts'

export const rls057: Rule = {
  code: 'RLS057',
  slug: 'definer-without-policy',
  level: 'warning',
  title: 'A SECURITY DEFINER function uses a table of which no policy shows its owner a row',
  why:
    'It runs as its owner, and policies hold for that role: it is another than the owner of the table, or FORCE is set. Where no ' +
    'policy for the command is for it, the function finds nothing, without an error, and what it inserts is refused. It ' +
    'happens when FORCE comes later, or an owner changes. Give the owner of the function a policy.',
  *find(model) {
    for (const [routine] of definers(model)) {
      const blind = tablesOfRoutine(model, routine).flatMap((used) => {
        const commands = withoutPolicy(model, used)
        return commands.length === 0 ? [] : [{ ...used, commands }]
      })
      for (const table of new Set(blind.map((each) => each.table))) {
        const here = blind.filter((each) => each.table === table)
        const [first] = here
        const commands = [...new Set(here.flatMap((each) => each.commands))]
        yield {
          object: routine.sql,
          part: table.sql,
          says: `${routine.sql} works as ${model.role(first?.as ?? 0)}, for whom no policy of ${table.sql} is made for ${listed(commands.map((each) => each.toUpperCase()))}.`,
          evidence: `pg_class.relrowsecurity of ${table.sql} is true${table.force ? ', and relforcerowsecurity' : ''}`,
          fix: { person: 'Which rows the function may use is for a person to say.' },
        }
      }
    }
  },
}

/** Commands that the function uses there, and for which no policy lets a row through to whom it works as. */
function withoutPolicy(model: Model, { table, as, writes }: UsedTable): Command[] {
  const role = as === undefined ? undefined : model.catalog.roles.get(as)
  if (role === undefined || !table.rls || model.access.bypasses(role.oid, table)) return []
  const commands: readonly Command[] = writes.length === 0 ? ['select'] : writes
  return commands.filter((command) => !model.applying(table, role, command).some(({ permissive }) => permissive))
}
