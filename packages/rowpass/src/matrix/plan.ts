/**
 * Tells what it can of a command without running it: from privileges, and from whether there are policies.
 */
import { type Command, isTable } from '../access/catalog/catalog.ts'
import type { Cell } from './cell.ts'
import { type Trial, toCell } from './trial.ts'

/**
 * The cell of a command that is not to be run: `grant` without the privilege, `policy` where row-level security is on
 * and no permissive policy speaks for the role, else `untried`.
 *
 * An UPDATE or DELETE that no policy lets through is `none`, as it reaches no row and is not refused.
 */
export function foresee(trial: Trial, command: Command): Cell {
  const { grants, survey } = trial
  const { table } = survey
  const held = command === 'delete' ? grants.delete : grants[command].length > 0
  if (!grants.usage || !held)
    return toCell(trial, command, { verdict: 'grant', notes: ['By the privileges of the role; not tried.'] })
  if (isTable(table)) {
    const permissive = grants.policies[command].some((policy) => policy.permissive)
    if (table.rowSecurity !== 'off' && !permissive) {
      const verdict = command === 'insert' ? 'policy' : 'none'
      return toCell(trial, command, { verdict, notes: ['No policy lets the role do this; not tried.'] })
    }
    const note =
      table.rowSecurity === 'off' ? 'Row-level security is off: every row.' : 'The policies decide; not tried.'
    return toCell(trial, command, { verdict: 'untried', notes: [note] })
  }
  return toCell(trial, command, {
    verdict: 'untried',
    notes: [`The role has the privilege on this ${table.kind}; not tried.`],
  })
}
