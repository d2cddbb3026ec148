/**
 * Which policies PostgreSQL applies to which part of which command, as one table.
 *
 * @see https://www.postgresql.org/docs/18/sql-createpolicy.html, "Policies Applied by Command Type", with the details of
 *   `get_row_security_policies` in src/backend/rewrite/rowsecurity.c (the same in 15 to 18)
 */
import type { Access } from './access.ts'
import type { Command, Policy, Role } from './catalog/catalog.ts'

/** What a statement does with a relation. */
export type Action =
  | 'read'
  | 'lock'
  | 'insert'
  | 'update'
  | 'delete'
  | 'conflict_update'
  | 'merge'
  | 'merge_insert'
  | 'merge_update'
  | 'merge_delete'

/**
 * `existing`: what is there and matches. `new`: what INSERT proposes, or UPDATE makes. `conflicting`: what is in the way
 * of an INSERT. `updated`: what ON CONFLICT and MERGE make of a row. `changed`, `removed`: what MERGE updates or deletes.
 */
export type RowKind = 'existing' | 'new' | 'conflicting' | 'updated' | 'changed' | 'removed'

/** One check that rows have to pass. */
export interface Step {
  /** Policies of this command, and those of ALL. */
  readonly command: Command
  /** `check` is WITH CHECK, or USING of a policy without it. */
  readonly expression: 'using' | 'check'
  readonly row: RowKind
  /** A row that fails is passed over in silence, or ends the statement with 42501. */
  readonly failure: 'hides' | 'refuses'
  /** `reads`: only where the statement needs the right to read the relation: a column in WHERE, SET, RETURNING … */
  readonly when: 'always' | 'reads' | 'returning'
}

/** By what a statement does with the relation; one that does several things has the steps of all. */
const steps: Readonly<Record<Action, readonly Step[]>> = {
  read: [step('select', 'using', 'existing', 'hides')],
  lock: [step('update', 'using', 'existing', 'hides')],
  insert: [step('insert', 'check', 'new', 'refuses'), step('select', 'using', 'new', 'refuses', 'reads')],
  conflict_update: [
    step('update', 'using', 'conflicting', 'refuses'),
    step('select', 'using', 'conflicting', 'refuses', 'reads'),
    step('update', 'check', 'updated', 'refuses'),
    step('select', 'using', 'updated', 'refuses', 'reads'),
  ],
  update: [
    step('select', 'using', 'existing', 'hides', 'reads'),
    step('update', 'using', 'existing', 'hides'),
    step('update', 'check', 'new', 'refuses'),
    step('select', 'using', 'new', 'refuses', 'reads'),
  ],
  delete: [step('select', 'using', 'existing', 'hides', 'reads'), step('delete', 'using', 'existing', 'hides')],
  merge: [step('select', 'using', 'existing', 'hides', 'reads')],
  merge_insert: [step('insert', 'check', 'new', 'refuses'), step('select', 'using', 'new', 'refuses', 'returning')],
  merge_update: [
    step('update', 'using', 'changed', 'refuses'),
    step('update', 'check', 'updated', 'refuses'),
    step('select', 'using', 'updated', 'refuses', 'reads'),
  ],
  merge_delete: [step('delete', 'using', 'removed', 'refuses')],
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

/** Whether a policy is for a command, whoever it is for. */
export function isForCommand({ command }: Pick<Policy, 'command'>, asked: Command): boolean {
  return command === 'all' || command === asked
}

/** Policies of a list that hold for a role and a command: for it, for what it is a member of, or for PUBLIC. */
export function policiesFor<P extends Pick<Policy, 'command' | 'roles'>>(
  policies: readonly P[],
  access: Pick<Access, 'isAmong'>,
  role: Role,
  command: Command,
): readonly P[] {
  return policies.filter((policy) => isForCommand(policy, command) && access.isAmong(role, policy.roles))
}

/** The expression that a step asks of a policy; one without it counts as if it were not there. */
export function expressionFor(
  { using, check }: Pick<Policy, 'using' | 'check'>,
  { expression }: Pick<Step, 'expression'>,
): string | undefined {
  return expression === 'check' ? (check ?? using) : using
}

/**
 * Whether a row passes a step: some permissive policy lets it, and every restrictive one does.
 *
 * @param passes whether the expression of the policy is true for the row; neither false nor NULL
 */
export function passesStep<P extends Pick<Policy, 'permissive'>>(
  policies: readonly P[],
  passes: (policy: P) => boolean,
): boolean {
  return (
    policies.some((policy) => policy.permissive && passes(policy)) &&
    policies.every((policy) => policy.permissive || passes(policy))
  )
}

function step(
  command: Command,
  expression: Step['expression'],
  row: Step['row'],
  failure: Step['failure'],
  when: Step['when'] = 'always',
): Step {
  return { command, expression, row, failure, when }
}
