/**
 * The one class of failures that Rowpass itself reports; `failures.ts` has the table of them.
 */
import { type FailureSpec, failures } from './failures.ts'

/**
 * A call that cannot be right, whatever happens later: an option that is missing, unknown or out of its range. It is thrown
 * where the program is wrong, and a program that has been started once does not meet it.
 */
export class OptionError extends TypeError {
  override readonly name = 'OptionError'
  readonly code = 'option_invalid'
}

/** The code of one failure; callers switch on it. */
export type FailureCode = keyof typeof failures

/**
 * A failure that Rowpass foresaw.
 *
 * `detail` is shown to the client: it never holds a token, a password, a URL with credentials or SQL text of another
 * caller. `cause` is for the operator's log only.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: FailureCode
  readonly detail: string | undefined
  /** How long the client should wait before it tries again, where that is known. */
  readonly retryAfterSeconds: number | undefined

  constructor(code: FailureCode, options: { detail?: string; cause?: unknown; retryAfterSeconds?: number } = {}) {
    super(failures[code].says, { cause: options.cause })
    this.code = code
    this.detail = options.detail
    this.retryAfterSeconds = options.retryAfterSeconds
  }

  /** The row of the table for this failure. */
  get spec(): FailureSpec {
    return failures[this.code]
  }
}
