/**
 * What `why` answers: the chain from the identity to the rows. Nothing in it is of a hidden row, unless it was asked for.
 */
import type { Command, RelKind, Trigger } from '../access/catalog/catalog.ts'
import type { ClaimsCarrier } from '../access/identity.ts'
import type { Step } from '../access/policies.ts'
import type { SqlProblem } from '../access/trial.ts'
import type { FailingClaim } from './claims.ts'
import type { Right } from './grants.ts'
import type { InsideReport } from './inside.ts'
import type { RlsState } from './reach.ts'
import type { StatementOutcome } from './trial.ts'
import type { StatementCommand } from './usage.ts'

/** One side of a comparison. */
export interface SideReport {
  /** As PostgreSQL prints it. */
  readonly text: string
  /** `caller`: the same for every row. `row`: made of the columns of one row. */
  readonly whose: 'caller' | 'row'
  /** Text; null is NULL. Absent where it is withheld or cannot be had. */
  readonly value?: string | null
  /** Of a side of type json or jsonb what the value holds: `string`, `number` … */
  readonly json?: string
}

/** A part of a policy's expression. */
export interface PartReport {
  readonly kind: 'and' | 'or' | 'leaf'
  readonly text: string
  /** How many of the rows it is true for; undefined where it cannot be tried alone. */
  readonly passed: number | undefined
  readonly parts?: readonly PartReport[]
  readonly comparison?: { readonly left: SideReport; readonly operator: string; readonly right: SideReport }
}

/** One policy, at one step. */
export interface PolicyReport {
  readonly name: string
  readonly permissive: boolean
  readonly command: string
  readonly roles: readonly string[]
  readonly expression: string
  /** How many of the rows it is true for; undefined where it could not be tried. */
  readonly passed: number | undefined
  readonly problem?: string
  /** The function that fails, where one does. */
  readonly inside?: InsideReport
  /** The claim whose value fails. */
  readonly claim?: FailingClaim
  /** Tables that it reads under policies of their own, which decide that rows fail. */
  readonly inner?: readonly InnerReport[]
  readonly parts?: PartReport
  readonly closedFunctions: readonly string[]
  readonly reads: readonly { readonly name: string; readonly rls: boolean; readonly readable: boolean }[]
}

/** A table that a policy reads, itself or through something, whose own policies decide. */
export interface InnerReport {
  readonly name: string
  /** For whom those hold. */
  readonly actor: string
  /** The function or view that reads it. */
  readonly through?: string
  /** Its policies for SELECT that are for the actor. */
  readonly policies: readonly string[]
  /** How many failing rows would pass without them; undefined where that could not be tried. */
  readonly rows: number | undefined
}

/** Rows that fail a step, by what fails them. */
export interface Blame {
  /** Empty where no policy for the command allows anything. */
  readonly policies: readonly string[]
  readonly rows: number
}

/** One step of the table in `rules.ts`. */
export interface StepReport extends Step {
  /** Rows that were tried; undefined where there were none to try. */
  readonly tested: number | undefined
  readonly passed: number | undefined
  readonly policies: readonly PolicyReport[]
  /** Policies for the command that are for other roles. */
  readonly forOthers: readonly string[]
  readonly blame: readonly Blame[]
}

/** Rows behind a relation, as numbers. */
export interface RowsReport {
  /** That the statement's conditions choose when there are no policies. */
  readonly matching: number
  /** Of these, those that the identity can see. */
  readonly seen: number | undefined
  /** How many were looked at one by one. */
  readonly sampled: number
  /** Whether `matching` counts what the conditions on this relation choose, or all of its rows. */
  readonly filtered: boolean
}

/** Rows that a trigger takes out of a change. */
export interface Suppression {
  /** The table that has the trigger, where it is another one: a partition, or what a view reads. */
  readonly table?: string
  readonly trigger: string
  readonly function: string
  readonly timing: Trigger['timing']
  readonly command: Command
  readonly rows: number
}

/** One relation, reached in one way. */
export interface RelationReport {
  readonly name: string
  readonly kind: RelKind
  readonly via: readonly string[]
  readonly actor: string
  readonly owner: string
  readonly actions: readonly string[]
  /** Whether it is read for RETURNING alone. */
  readonly forReturning: boolean
  readonly rights: readonly Right[]
  readonly rls: RlsState & { readonly enabled: boolean; readonly forced: boolean }
  readonly steps: readonly StepReport[]
  readonly rows: RowsReport | undefined
  /** Why there are no numbers. */
  readonly rowsProblem?: string
  /** Triggers that take rows out of the change, with NULL for their answer. */
  readonly suppressed: readonly Suppression[]
  readonly triggers: readonly { readonly name: string; readonly function: string; readonly outside: boolean }[]
}

/** One reason, and what to do. */
export interface Reason {
  /** Stable, for programs. */
  readonly code: ReasonCode
  readonly says: string
  readonly advice?: string
  /** Whether it ends the statement with an error. */
  readonly refuses: boolean
}

/** Every reason there is. */
export const reasonCodes = [
  'role_unreachable',
  'gateway_refuses',
  'relation_missing',
  'schema_closed',
  'grant_missing',
  'no_policy',
  'rows_hidden',
  'inner_policy',
  'json_types',
  'no_rows',
  'row_refused',
  'select_policy_refuses',
  'policy_fails',
  'claim_unfit',
  'policy_recursion',
  'view_owner',
  'rls_bypassed',
  'rls_off',
  'trigger_passes_over',
  'trigger_fails',
  'function_fails',
  'constraint',
  'timeout',
  'error',
  'allowed',
] as const

/** See {@link reasonCodes}. */
export type ReasonCode = (typeof reasonCodes)[number]

/** The answer. */
export interface Explanation {
  readonly command: StatementCommand
  readonly sql: string
  readonly identity: { readonly role: string; readonly claims: Readonly<Record<string, unknown>> }
  readonly carrier: ClaimsCarrier | undefined
  /** Undefined when the statement was not run. */
  readonly outcome: StatementOutcome | undefined
  /** Why it was not run. */
  readonly notRun?: string
  readonly relations: readonly RelationReport[]
  readonly findings: readonly Reason[]
  /** What else the reader should know. */
  readonly notes: readonly string[]
  /** Whether the explanation agrees with what happened, and has a reason for it. */
  readonly complete: boolean
  /** Where it does not agree. */
  readonly doubts: readonly string[]
}

/**
 * The problem without what its message may quote of a row: messages about data end before the first colon or quotation
 * mark. Those about names, rights, constraints and limits hold no data.
 */
export function withoutData({ context, ...problem }: SqlProblem): SqlProblem {
  const { sqlstate, message } = problem
  if (/^(23|42|28|54|55|57|0A|3F)/.test(sqlstate)) return problem
  return { ...problem, message: /^[^:"']*/.exec(message)?.[0].trim() || 'an error whose text may hold data' }
}

/** The problem as PostgreSQL tells it to whoever runs the statement. */
export function withoutContext({ context, ...problem }: SqlProblem): SqlProblem {
  return problem
}

/** One line that may be shown of a problem. */
export function safeText(problem: SqlProblem): string {
  const { message, sqlstate } = withoutData(problem)
  return `${message} (${sqlstate})`
}
