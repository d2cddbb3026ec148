/**
 * What is at hand while one identity tries one table, and the cells that need no statement of their own.
 */
import type pg from 'pg'
import type { Command } from '../access/catalog/catalog.ts'
import {
  type Cell,
  type CellAttempt,
  type CellVerdict,
  type RowTally,
  type Subject,
  total,
  withoutZeros,
} from './cell.ts'
import type { FiredTrigger, WriteEffects } from './effects.ts'
import type { Survey } from './survey.ts'
import type { Grants } from './table.ts'

/** One identity at one table. The connection has taken on the identity. */
export interface Trial {
  readonly client: pg.ClientBase
  readonly subject: Subject
  readonly survey: Survey
  readonly grants: Grants
  readonly effects: WriteEffects
  readonly triggers: readonly FiredTrigger[]
  /** Tenants that somebody has or that samples have, as the column spells them; to find one that is not the subject's. */
  readonly strangers: readonly string[]
  readonly fireTriggers: boolean
  readonly advanceSequences: boolean
}

/** What a cell is made of besides what follows from it. */
export interface Findings {
  readonly verdict: CellVerdict
  readonly reached?: RowTally
  readonly attempts?: readonly CellAttempt[]
  readonly notes?: readonly string[]
  readonly move?: Cell['move']
  readonly returning?: Cell['returning']
}

const opened = 'Row-level security is off: every row that comes will be reached.'

/** Completes a cell. */
export function toCell(trial: Trial, command: Command, findings: Findings): Cell {
  const { survey, grants } = trial
  const { verdict, reached = {}, attempts = [], move, returning } = findings
  const notes = [...(findings.notes ?? [])]
  if (verdict === 'empty' && survey.table.rowSecurity === 'off') notes.push(opened)
  const [last] = attempts.slice(-1)
  // A question mark without a reason says nothing.
  if (verdict === 'untried' && notes.length === 0) notes.push(last === undefined ? 'It was not tried.' : explain(last))
  return {
    command,
    verdict,
    reached,
    crossTenant: (reached.other ?? 0) > 0 || move === 'done' || move === 'constraint',
    policies: survey.table.rowSecurity === 'off' ? [] : grants.policies[command].map(({ name }) => name),
    attempts,
    notes,
    ...(move !== undefined && { move }),
    ...(returning !== undefined && { returning }),
  }
}

/** The tenants of the subject, spelled as the tenant column of the table does. */
export function ownTenants({ survey, subject }: Trial): readonly string[] {
  return survey.tenants.get(subject.name) ?? []
}

/**
 * What a mere number of rows says of whose they are: what goes beyond the rows of the own tenant and of none that are
 * there is certain to be others'.
 */
export function atLeast({ survey, subject }: Trial, all: number): RowTally {
  const there = survey.there.get(subject.name)
  const mine = (there?.own ?? 0) + (there?.shared ?? 0)
  const other = there === undefined || survey.tenantColumn === undefined ? 0 : Math.max(0, all - mine)
  return withoutZeros({ other, any: all - other })
}

/** The verdict on a number of rows that were reached. */
export function verdictOn(trial: Trial, reached: RowTally): CellVerdict {
  if (total(reached) > 0) return 'rows'
  return trial.survey.rows === 0 ? 'empty' : 'none'
}

/** The verdict on a statement that did not end well. */
export function verdictOfFailure({ outcome }: CellAttempt, privileged: boolean): CellVerdict {
  switch (outcome) {
    case 'denied':
      // With the privilege on the table it is one on a function or on another table that is missing.
      return privileged ? 'error' : 'grant'
    case 'policy':
      return 'policy'
    case 'constraint':
      return 'constraint'
    case 'error':
      return 'error'
    default:
      return 'untried'
  }
}

/** What stands in the way of a statement that was not tried to its end, in words. */
export function explain({ outcome, error = '' }: CellAttempt): string {
  const known: Readonly<Record<string, string>> = {
    timeout: 'It took longer than --timeout allows.',
    busy: `Another session held the table or the row: ${error}.`,
    unsuited: `No row could be made that the table takes: ${error}.`,
  }
  return known[outcome] ?? `${error}.`
}
