/**
 * Which claim a policy fails for, where it turns a claim into a value of a type that does not take it.
 */
import type pg from 'pg'
import { claimValue, findClaimCasts } from '../access/claims.ts'
import type { Database } from '../access/database.ts'
import { attempt, isProblem, type SqlProblem } from '../access/trial.ts'
import type { Parser } from '../statement/parser.ts'
import type { TrialIdentity } from './session.ts'

/** A claim whose value is of no use. */
export interface FailingClaim {
  /** Its name, or a path such as `app_metadata.org`. */
  readonly claim: string
  /** As JSON. */
  readonly value: string
  /** The type that does not take it. */
  readonly type: string
}

/** Finds it by trying each cast of a claim with the value that the identity has. Inside a transaction. */
export async function findFailingClaim(
  client: pg.ClientBase,
  database: Database,
  parser: Parser,
  { expression, setting, problem }: { expression: string; setting: TrialIdentity; problem: SqlProblem },
): Promise<FailingClaim | undefined> {
  if (!problem.sqlstate.startsWith('22')) return undefined
  const { identity, carrier } = setting
  for (const { claim, type } of findClaimCasts(database, parser, expression, carrier)) {
    const value = claimValue(identity.claims, claim)
    if (value === undefined || value === null) continue
    const text = typeof value === 'string' ? value : JSON.stringify(value)
    const tried = await attempt(client, () => client.query(`select cast($1::text as ${type})`, [text]))
    if (isProblem(tried) && tried.sqlstate === problem.sqlstate) return { claim, value: JSON.stringify(value), type }
  }
  return undefined
}
