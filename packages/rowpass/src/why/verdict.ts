/**
 * Compares what the reasons predict with what happened: an explanation that PostgreSQL contradicts says so.
 */

import type { Reason, RelationReport } from './explanation.ts'
import type { Right } from './grants.ts'
import type { InsideReport } from './inside.ts'
import type { Unreachable } from './login.ts'
import type { Unreached } from './reach.ts'
import { countLimit } from './rows.ts'
import type { StatementOutcome } from './trial.ts'
import type { StatementCommand } from './usage.ts'

/** Everything that was found out. */
export interface Facts {
  readonly command: StatementCommand
  /** The role of the identity. */
  readonly role: string
  /** Why the login of requests cannot become the role. */
  readonly unreachable: Unreachable | undefined
  readonly outcome: StatementOutcome | undefined
  /** Where in functions it failed, if it did. */
  readonly inside: InsideReport | undefined
  readonly unreached: readonly Unreached[]
  readonly relations: readonly RelationReport[]
  /** Rights to execute that are missing. */
  readonly functions: readonly Right[]
  /** How many rows the statement should change, as far as it can be told. */
  readonly predictedRows: number | undefined
}

/** Where the reasons and what happened do not agree; one sentence each. */
export function findDoubts(facts: Facts, findings: readonly Reason[]): string[] {
  return [...facts.relations.flatMap(countDoubts), ...outcomeDoubts(facts, findings)]
}

/** PostgreSQL's own count of visible rows against that of the policies, one by one. */
function countDoubts({ name, rows, steps, via, actions }: RelationReport): string[] {
  if (rows?.seen === undefined || via.length > 0 || actions.includes('lock')) return []
  const step = steps.find(({ command, row }) => command === 'select' && row === 'existing')
  const whole = rows.sampled === rows.matching && rows.matching <= countLimit
  if (!whole || step?.passed === undefined || step.passed === rows.seen) return []
  return [`the policies let ${step.passed} rows of ${name} pass, and PostgreSQL shows ${rows.seen}`]
}

function outcomeDoubts({ outcome, predictedRows }: Facts, findings: readonly Reason[]): string[] {
  if (outcome === undefined) return []
  const { problem, rows } = outcome
  const doubts: string[] = []
  const predicted = findings.filter(({ refuses, code }) => refuses && !afterTheFact.has(code))
  const mayFail = findings.some(({ code }) => mayRefuse.has(code))
  if (problem !== undefined && denials.has(problem.sqlstate) && predicted.length === 0 && !mayFail) {
    doubts.push(`PostgreSQL refuses (${problem.message}), and no reason was found`)
  }
  if (predicted.length > 0 && (problem === undefined || problem.sqlstate.startsWith('23'))) {
    doubts.push('a refusal was expected, and PostgreSQL let it pass')
  }
  const named = /row-level security policy "(.*)" for table/.exec(problem?.message ?? '')?.[1]
  if (named !== undefined && !findings.some(({ says }) => says.includes(named))) {
    doubts.push(`PostgreSQL names the policy ${named}`)
  }
  if (predictedRows !== undefined && rows !== undefined && predictedRows !== rows) {
    doubts.push(`${predictedRows} rows were expected to change, and PostgreSQL changes ${rows}`)
  }
  return doubts
}

const denials = new Set(['42501', '42P01', '42P17', '3F000'])

/** Made of what happened, so that it cannot contradict it. */
const afterTheFact = new Set(['constraint', 'timeout', 'error', 'trigger_fails', 'function_fails', 'role_unreachable'])
/** Of these PostgreSQL's refusal may come. */
const mayRefuse = new Set(['policy_fails', 'trigger_fails', 'function_fails'])
