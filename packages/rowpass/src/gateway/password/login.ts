/**
 * Logins of database users with a password, over HTTP and over WebSocket: who may, how many at once, how many may fail.
 * PostgreSQL checks the password.
 */
import { randomBytes } from 'node:crypto'
import { Failure } from '../../errors.ts'
import type { Emit, LoginFailed } from '../../events.ts'
import { toNetwork } from '../../network.ts'
import type { PostgresError } from '../../postgres/messages.ts'
import type { Abortable } from '../../postgres/pool.ts'
import { serverRefusal } from '../../postgres/server-url.ts'
import type { SessionLogin } from '../../postgres/session.ts'
import type { GatewayConfig } from '../config.ts'
import { type Admission, createAttempts, type LoginAttempt, type LoginOutcome } from './attempts.ts'
import { createPlaces } from './places.ts'

/** A login that a client asks for. */
export interface LoginRequest extends LoginAttempt {
  /** Aborted when the client goes away: then it waits for no session any more. */
  readonly signal?: Abortable
}

/** Somebody who has logged in. */
export interface LoggedIn<Opened> {
  readonly opened: Opened
  /** Gives the place among the sessions back; a second call has no effect. */
  readonly release: () => void
}

/** How the two protocols open a session and end one. */
export interface Opener<Opened> {
  open(as: Pick<SessionLogin, 'user' | 'password'>): Promise<Opened>
  close(opened: Opened): void
}

/** The logins of one gateway. */
export interface PasswordLogins {
  /** Whether anybody may log in with a password. */
  readonly on: boolean
  /** Whether this user may, now; says nothing of the password. */
  allows(user: string): boolean
  /** Puts `passwordMode` and `passwordUsers` of another configuration in force. Sessions are not touched. */
  replace(config: GatewayConfig): void
  /**
   * Logs in.
   * @throws Failure `attempts_exceeded`, `overloaded`, `password_refused`; else the error of `open`, for {@link explainLogin}
   */
  logIn<Opened>(request: LoginRequest, opener: Opener<Opened>): Promise<LoggedIn<Opened>>
}

/** SQLSTATEs of a login that was refused: those of PostgreSQL, and, once it has the password, that of pgbouncer. */
const refusals = new Set(['28P01', '28000'])
const poolerRefusal = '08P01'

/** Makes the logins; `emit` is given `login_failed`. */
export function createLogins(config: GatewayConfig, emit: Emit): PasswordLogins {
  let { passwordMode, passwordUsers } = config
  const places = createPlaces({
    size: config.passwordSessions,
    // Sessions over WebSocket may stay for as long as they like: one address must not have them all.
    maxPerOwner: config.passwordSessions - Math.floor(config.passwordSessions / 6),
    maxWaiting: config.queueLimit,
    maxWaitMs: config.queueTimeoutMs,
  })
  const nobodysPassword = randomBytes(32).toString('base64url')
  const attempts = createAttempts({
    windowMs: config.passwordFailureSeconds * 1_000,
    perPair: config.passwordPairFailures,
    perAddress: config.passwordAddressFailures,
    perUser: config.passwordUserFailures,
  })

  function allows(user: string): boolean {
    return passwordMode && (passwordUsers.size === 0 || passwordUsers.has(user))
  }

  async function logIn<Opened>(request: LoginRequest, opener: Opener<Opened>): Promise<LoggedIn<Opened>> {
    const admission = await attempts.admit(request)
    if (admission.kind !== 'admitted') throw notAdmitted(request, admission)
    let asked = false
    let outcome: LoginOutcome = 'void'
    let release = (): void => {}
    try {
      release = await places.take(ownerOf(request), request.signal)
      const { user, password } = inTheName(request)
      const opened = await opener.open({
        user,
        password() {
          asked = true
          return password
        },
      })
      // Asked only now: a server that trusts everybody lets in for any password, and the list may have changed meanwhile.
      if (!allows(request.user)) {
        opener.close(opened)
        outcome = 'refused'
        throw wrongPassword(request.user)
      }
      outcome = 'accepted'
      return { opened, release }
    } catch (error) {
      release()
      if (outcome !== 'refused') outcome = outcomeOf(error, asked)
      if (outcome !== 'refused') throw error
      report(request, 'password')
      throw error instanceof Failure ? error : wrongPassword(request.user, error)
    } finally {
      admission.end(outcome)
    }
  }

  /**
   * Who is not on the list is refused as for a wrong password, and as late: by a login of somebody who is, with a password
   * that nobody has. The server hears nothing of the other.
   */
  function inTheName(request: LoginRequest): Pick<LoginRequest, 'user' | 'password'> {
    const [listed] = passwordUsers
    return allows(request.user) || listed === undefined ? request : { user: listed, password: nobodysPassword }
  }

  function notAdmitted(request: LoginRequest, admission: Exclude<Admission, { kind: 'admitted' }>): Failure {
    if (admission.kind === 'repeated') {
      report(request, 'password')
      return wrongPassword(request.user)
    }
    const { limit, retryAfterSeconds } = admission
    report(request, `${limit}_limit`)
    const detail = `too many failed logins: try again in ${retryAfterSeconds} s`
    return new Failure('attempts_exceeded', { detail, retryAfterSeconds })
  }

  function report({ user, address }: LoginRequest, reason: LoginFailed['reason']): void {
    emit({ type: 'login_failed', role: user, ...(address === undefined ? {} : { address }), reason })
  }

  return {
    get on() {
      return passwordMode
    },
    allows,
    replace(next) {
      passwordMode = next.passwordMode
      passwordUsers = next.passwordUsers
    },
    logIn,
  }
}

/** Who waits in turn with others: whoever has one address, and users where none is known. */
function ownerOf({ user, address }: LoginRequest): string {
  return address === undefined ? `user ${user}` : toNetwork(address)
}

function outcomeOf(error: unknown, asked: boolean): LoginOutcome {
  if (error instanceof Failure) return 'void'
  const code = serverRefusal(error)?.code
  if (code === undefined) return asked ? 'unclear' : 'void'
  if (refusals.has(code) || (asked && code === poolerRefusal)) return 'refused'
  return 'void'
}

/**
 * What the client may be told of a login that failed.
 *
 * Wrong user, wrong password and a refusal by the server's address rules read alike, see {@link PasswordLogins.logIn}. Other
 * refusals of the server are about the user's own session: too many of them, no right to connect, a setting that does not
 * exist.
 */
export function explainLogin(error: unknown): Failure | PostgresError {
  if (error instanceof Failure) return error
  return serverRefusal(error) ?? new Failure('database_unavailable', { cause: error })
}

function wrongPassword(user: string, cause?: unknown): Failure {
  return new Failure('password_refused', { detail: `password authentication failed for user '${user}'`, cause })
}
