/**
 * What came of trying, as the roles of requests, what somebody without claims sees.
 */
import type { Role } from '../../access/catalog/catalog.ts'

/** How claims can be missing. */
export type MissingClaims = 'no setting' | 'empty settings' | 'an object without members'

/** What a request without claims got of a table: rows that no policy shows to everybody, or an error. */
export interface ClaimlessTrial {
  readonly relation: number
  readonly role: Role
  readonly missing: MissingClaims
  /** SQLSTATE; undefined where rows were seen. */
  readonly error: string | undefined
  readonly query: string
}

/** All that came of it. */
export interface ClaimlessTrials {
  /** Only what is not as it should be, by table; the first of each role and kind. */
  readonly byTable: ReadonlyMap<number, readonly ClaimlessTrial[]>
  /** What could not be tried, for the report. */
  readonly notes: readonly string[]
}

/** One of each role: findings are by role, so that their keys stay when another one comes. */
export function firstOfEachRole(trials: readonly ClaimlessTrial[]): ClaimlessTrial[] {
  return trials.filter((trial, at) => trials.findIndex(({ role }) => role === trial.role) === at)
}

/** What was tried, and what came of it. */
export function showTrial({ role, missing, error, query }: ClaimlessTrial): string {
  return `as ${role.sql}, with ${missing}: select exists (${query}) ${error === undefined ? 'is true' : `fails with ${error}`}`
}
