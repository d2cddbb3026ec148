/**
 * Who stopped a request: its answer, read.
 */

/** By the name that the gateway gives a failure: the step at which it ends, and who that is in words. */
const walls = {
  token_missing: ['verify', 'the gateway, as no token came'],
  token_invalid: ['verify', 'the gateway, verifying the token'],
  token_expired: ['verify', 'the gateway, verifying the token: its time is over'],
  statement_refused: ['judge', 'the gateway, judging the statement before it runs'],
  session_revoked: ['postgres', 'PostgreSQL, checking the seal: the session was ended'],
  policy_refused: ['postgres', 'PostgreSQL, by a policy of the table'],
  grant_missing: ['postgres', 'PostgreSQL, by a privilege that the role lacks'],
  overloaded: ['queue', 'the gateway, so that others have their turn'],
}

/**
 * @returns undefined for an answer with rows; else `step`, where it ended, and `says`, who that is
 */
export function findWall({ ok, error, steps }) {
  if (ok) return undefined
  const [step, says] = walls[error.failure] ?? []
  if (step !== undefined) return { step, says }
  if (steps.total !== undefined && steps.postgres === undefined) {
    return { step: 'judge', says: 'the gateway, reading the statement as PostgreSQL would' }
  }
  return { step: 'postgres', says: 'PostgreSQL' }
}

/** What the server said, in one line. */
export function quoteError({ message, failure, code }) {
  return `${failure ?? code ?? 'error'}: ${message ?? 'no reason was given'}`
}
