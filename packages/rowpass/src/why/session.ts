/**
 * Trials as an identity, or beside it.
 */
import type pg from 'pg'
import { become, type ClaimsCarrier, type Identity, lendClaims, makeReady } from '../access/identity.ts'
import { inTrial } from '../access/trial.ts'

/** How the identity is to be taken on, and for how long anything may run. */
export interface TrialIdentity {
  readonly identity: Identity
  readonly carrier: ClaimsCarrier | undefined
  /** For each statement. */
  readonly timeoutMs: number
}

const enter = { identity: become, self: lendClaims, turns: makeReady }

/** How long a lock is waited for. */
const lockMs = 1_000

/**
 * Runs `work` in a transaction that is rolled back, whatever happens.
 *
 * @param as `identity`; `self`, the connection's own role with the claims; `turns`, the same for who takes the role in turns
 */
export async function rolledBack<T>(
  client: pg.ClientBase,
  setting: TrialIdentity,
  as: 'identity' | 'self' | 'turns',
  work: () => Promise<T>,
): Promise<T> {
  const { timeoutMs, identity, carrier } = setting
  const limits = { statementMs: timeoutMs, lockMs: Math.min(lockMs, timeoutMs), idleMs: timeoutMs * 4 }
  return inTrial(client, limits, async () => {
    await enter[as](client, identity, carrier)
    return work()
  })
}
