/** Why a token was refused: one word for the log, one vague sentence for the client. */
import { Failure, type FailureCode } from '../errors.ts'
import type { Emit, RefusalReason } from '../events.ts'

/** The exact reason of a refusal. Always the `cause` of a {@link Failure}, so it reaches the log and not the client. */
export class TokenRefusal extends Error {
  override readonly name = 'TokenRefusal'
  readonly reason: RefusalReason

  /** @param message a sentence for the operator; it never quotes the token */
  constructor(reason: RefusalReason, message: string) {
    super(message)
    this.reason = reason
  }
}

/** What was known of a token when it was refused. */
export interface RefusedToken {
  readonly iss?: string
  readonly kid?: string
}

/**
 * Reports a refusal and makes the failure to throw.
 *
 * The client learns that the token is missing, has expired, does not allow the role, or that it cannot be judged without
 * the keys of its issuer, or else nothing.
 * Anything other than a {@link TokenRefusal} is a fault of ours and comes out as `internal`.
 */
export function toFailure(error: unknown, about: RefusedToken, emit: Emit | undefined): Failure {
  if (!(error instanceof TokenRefusal)) return new Failure('internal', { cause: error })
  const code = clientCode(error.reason)
  emit?.({ type: 'token_refused', code, reason: error.reason, ...about })
  return new Failure(code, { cause: error })
}

function clientCode(reason: RefusalReason): FailureCode {
  switch (reason) {
    case 'missing':
      return 'token_missing'
    case 'expired':
      return 'token_expired'
    case 'role':
      return 'role_refused'
    case 'keys_unavailable':
      return 'keys_unavailable'
    default:
      return 'token_invalid'
  }
}
