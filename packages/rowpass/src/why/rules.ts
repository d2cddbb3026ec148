/**
 * Which policies PostgreSQL applies to what, as one table.
 *
 * @see https://www.postgresql.org/docs/18/sql-createpolicy.html, "Policies Applied by Command Type", with the details of
 *   `get_row_security_policies` in src/backend/rewrite/rowsecurity.c (the same in 15 to 18)
 */
import type { Action } from './usage.ts'

/** The commands that a policy can be for, besides ALL. */
export type PolicyCommand = 'SELECT' | 'INSERT' | 'UPDATE' | 'DELETE'

/**
 * `existing`: what is there and matches. `new`: what INSERT proposes, or UPDATE makes. `conflicting`: what is in the way
 * of an INSERT. `updated`: what ON CONFLICT and MERGE make of a row. `changed`, `removed`: what MERGE updates or deletes.
 */
export type RowKind = 'existing' | 'new' | 'conflicting' | 'updated' | 'changed' | 'removed'

/** One check that rows have to pass. */
export interface Step {
  /** Policies of this command, and those of ALL. */
  readonly command: PolicyCommand
  /** `check` is WITH CHECK, or USING of a policy without it. */
  readonly expression: 'using' | 'check'
  readonly row: RowKind
  /** A row that fails is passed over in silence, or ends the statement with 42501. */
  readonly failure: 'hides' | 'refuses'
  /** `reads`: only where the statement needs the right to read the relation: a column in WHERE, SET, RETURNING … */
  readonly when: 'always' | 'reads' | 'returning'
}

/** By what a statement does with the relation; one that does several things has the steps of all. */
export const steps: Readonly<Record<Action, readonly Step[]>> = {
  read: [step('SELECT', 'using', 'existing', 'hides')],
  lock: [step('UPDATE', 'using', 'existing', 'hides')],
  insert: [step('INSERT', 'check', 'new', 'refuses'), step('SELECT', 'using', 'new', 'refuses', 'reads')],
  conflict_update: [
    step('UPDATE', 'using', 'conflicting', 'refuses'),
    step('SELECT', 'using', 'conflicting', 'refuses', 'reads'),
    step('UPDATE', 'check', 'updated', 'refuses'),
    step('SELECT', 'using', 'updated', 'refuses', 'reads'),
  ],
  update: [
    step('SELECT', 'using', 'existing', 'hides', 'reads'),
    step('UPDATE', 'using', 'existing', 'hides'),
    step('UPDATE', 'check', 'new', 'refuses'),
    step('SELECT', 'using', 'new', 'refuses', 'reads'),
  ],
  delete: [step('SELECT', 'using', 'existing', 'hides', 'reads'), step('DELETE', 'using', 'existing', 'hides')],
  merge: [step('SELECT', 'using', 'existing', 'hides', 'reads')],
  merge_insert: [step('INSERT', 'check', 'new', 'refuses'), step('SELECT', 'using', 'new', 'refuses', 'returning')],
  merge_update: [
    step('UPDATE', 'using', 'changed', 'refuses'),
    step('UPDATE', 'check', 'updated', 'refuses'),
    step('SELECT', 'using', 'updated', 'refuses', 'reads'),
  ],
  merge_delete: [step('DELETE', 'using', 'removed', 'refuses')],
}

/**
 * The steps for one use of a relation, in the order in which PostgreSQL takes them, each once.
 *
 * @param reads whether a column of the relation is read
 */
export function stepsFor(
  actions: Iterable<Action>,
  { reads, returning }: { reads: boolean; returning: boolean },
): readonly Step[] {
  const holds = { always: true, reads, returning: reads && returning }
  const all = [...actions].flatMap((action) => steps[action]).filter(({ when }) => holds[when])
  const byKey = new Map(all.map((each) => [`${each.command} ${each.expression} ${each.row} ${each.failure}`, each]))
  return [...byKey.values()]
}

function step(
  command: PolicyCommand,
  expression: Step['expression'],
  row: Step['row'],
  failure: Step['failure'],
  when: Step['when'] = 'always',
): Step {
  return { command, expression, row, failure, when }
}
