/**
 * Which triggers and defaults a write would run, and what speaks against running them: what a rollback may leave behind.
 */
import type { Catalog, EventTrigger, Trigger } from '../access/catalog/catalog.ts'
import type { Effects, EffectsJudge } from '../access/effects.ts'
import type { Table, TableColumn } from './table.ts'

/** A trigger that a write on a table would fire. */
export interface FiredTrigger extends Pick<Trigger, 'name' | 'commands' | 'timing' | 'level'> {
  /** What speaks against firing it; undefined where nothing does. */
  readonly against: string | undefined
}

/** What is known of triggers, functions and event triggers of a database. */
export interface WriteEffects {
  /** Triggers of everything that a statement on the table can reach. */
  triggersOf(table: Table): readonly FiredTrigger[]
  /** Why a default must not be evaluated; undefined where nothing speaks against it. */
  againstDefault(column: TableColumn): string | undefined
  /** Event triggers that CREATE VIEW, GRANT or ALTER TABLE would fire, and that a rollback may not undo. */
  readonly eventTriggers: readonly string[]
}

const ddl = ['CREATE VIEW', 'CREATE FUNCTION', 'ALTER TABLE', 'GRANT']

/** Sequences count: numbers that a matrix has used up would be missed. */
export function createWriteEffects(catalog: Catalog, judge: EffectsJudge): WriteEffects {
  const against = ({ lasting, sequence }: Effects) => lasting ?? sequence
  const isFired = ({ event, tags }: EventTrigger) =>
    event.startsWith('ddl_command_') && (tags === undefined || tags.some((tag) => ddl.includes(tag)))
  return {
    eventTriggers: catalog.eventTriggers
      .filter((each) => isFired(each) && against(judge.ofRoutine(each.routine)) !== undefined)
      .map(({ name }) => name),
    againstDefault: ({ expression, generated }) =>
      expression === undefined || generated !== undefined ? undefined : against(judge.ofExpression(expression)),
    triggersOf: ({ relation }) =>
      judge.triggersOf(relation).map((each) => ({ ...each, against: against(judge.ofRoutine(each.routine)) })),
  }
}
